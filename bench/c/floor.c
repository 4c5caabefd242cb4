// The floor to measure against: what a C programmer would write. Three ways to make N connects over loopback, at most
// `flight` at a time, each with the checks of the article (SO_ERROR, peer, self-connect), and close them.
//
//   floor serve                    prints a port, then accepts and closes until stdin ends
//   floor epoll|poll PORT N FLIGHT prints the seconds it took
//   floor one PORT N               one at a time, poll(2) each
//
// epoll is the textbook's loop: EPOLL_CTL_ADD after connect, epoll_wait, EPOLL_CTL_DEL, verdict, close.
// poll looks first: all that were just connected are checked by one poll(…, 0).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int start(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) { perror("socket"); exit(1); }
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) { perror("connect"); exit(1); }
  return fd;
}

static void finish(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) {
    struct sockaddr_in local, peer;
    socklen_t l = sizeof local, p = sizeof peer;
    getpeername(fd, (struct sockaddr *)&peer, &p);
    getsockname(fd, (struct sockaddr *)&local, &l);
    if (memcmp(&local, &peer, 8) == 0) fprintf(stderr, "self-connect\n");
  }
  close(fd);
}

static void by_epoll(int count, int flight) {
  int ep = epoll_create1(EPOLL_CLOEXEC), started = 0, done = 0;
  struct epoll_event events[1024];
  while (done < count) {
    while (started < count && started - done < flight) {
      int fd = start();
      struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
      epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
      started++;
    }
    int n = epoll_wait(ep, events, 1024, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
      finish(fd);
      done++;
    }
  }
  close(ep);
}

static void by_poll(int count, int flight) {
  struct pollfd *fds = calloc(flight, sizeof *fds);
  int started = 0, done = 0, open = 0;
  while (done < count) {
    while (started < count && open < flight) {
      fds[open++] = (struct pollfd){.fd = start(), .events = POLLOUT};
      started++;
    }
    poll(fds, open, -1);
    int kept = 0;
    for (int i = 0; i < open; i++) {
      if (fds[i].revents) { finish(fds[i].fd); done++; }
      else fds[kept++] = fds[i];
    }
    open = kept;
  }
  free(fds);
}

static void one_at_a_time(int count) {
  for (int i = 0; i < count; i++) {
    struct pollfd p = {.fd = start(), .events = POLLOUT};
    poll(&p, 1, -1);
    finish(p.fd);
  }
}

static int serve(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  socklen_t length = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bind(fd, (struct sockaddr *)&address, sizeof address);
  listen(fd, 4096);
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
    int accepted;
    while ((accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) close(accepted);
  }
  return 0;
}

int main(int argc, char **argv) {
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (argc == 2 && strcmp(argv[1], "serve") == 0) return serve();
  if (argc < 4) { fprintf(stderr, "usage: floor serve | epoll|poll PORT N FLIGHT | one PORT N\n"); return 2; }
  address.sin_port = htons(atoi(argv[2]));
  int count = atoi(argv[3]);
  double began = now();
  if (strcmp(argv[1], "epoll") == 0) by_epoll(count, atoi(argv[4]));
  else if (strcmp(argv[1], "poll") == 0) by_poll(count, atoi(argv[4]));
  else one_at_a_time(count);
  printf("%.6f\n", now() - began);
  return 0;
}
