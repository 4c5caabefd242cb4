// The floor to measure against: what a C programmer would write. Connects over loopback, at most FLIGHT at a time, each
// with the checks of the article (SO_ERROR, peer, self-connect), and closed.
//
//   floor epoll|poll HOST PORT N FLIGHT  prints the seconds that N connects took; HOST's last number goes round by 4
//   floor one HOST PORT N                the same one at a time, poll(2) each
//   floor scan epoll|poll HOST FLIGHT    all 65,535 ports
//   floor idle HOST PORT FULL PENDING    bursts of connects, seconds each (median), with PENDING idle ones beside them
//   floor tick N                         writes N times, some ms apart, the time (CLOCK_MONOTONIC, ns) to stdout
//   floor wake N                         epoll_wait on stdin, and how long after each of those times it returned, in us
//
// epoll is the textbook's loop: EPOLL_CTL_ADD after connect, epoll_wait, EPOLL_CTL_DEL, verdict, close.
// poll looks first: all that were just connected are checked by one poll(...).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SPREAD 4 // addresses, so that ports in TIME_WAIT never run short
#define BURST 1000
#define BURSTS 9

static struct sockaddr_in address;
static uint32_t host;
static int spread = SPREAD, scanning;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int start(int i) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) { perror("socket"); exit(1); }
  address.sin_addr.s_addr = htonl(host + i % spread);
  if (scanning) address.sin_port = htons(i + 1);
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
    if (local.sin_port == peer.sin_port && local.sin_addr.s_addr == peer.sin_addr.s_addr) fprintf(stderr, "self-connect\n");
  }
  close(fd);
}

static void by_epoll_in(int ep, int count, int flight) {
  int started = 0, done = 0;
  struct epoll_event events[1024];
  while (done < count) {
    while (started < count && started - done < flight) {
      int fd = start(started);
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
}

static void by_epoll(int count, int flight) {
  int ep = epoll_create1(EPOLL_CLOEXEC);
  by_epoll_in(ep, count, flight);
  close(ep);
}

static void by_poll(int count, int flight) {
  struct pollfd *fds = calloc(flight, sizeof *fds);
  int started = 0, done = 0, open = 0;
  while (done < count) {
    while (started < count && open < flight) {
      fds[open++] = (struct pollfd){.fd = start(started), .events = POLLOUT};
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
    struct pollfd p = {.fd = start(i), .events = POLLOUT};
    poll(&p, 1, -1);
    finish(p.fd);
  }
}

static int ascending(const void *a, const void *b) {
  return *(const double *)a < *(const double *)b ? -1 : 1;
}

static void idle(int full, int pending) {
  int ep = epoll_create1(EPOLL_CLOEXEC), port = address.sin_port;
  address.sin_port = htons(full);
  uint32_t target = host;
  host = INADDR_LOOPBACK;
  spread = 1;
  for (int i = 0; i < pending; i++) {
    int fd = start(i);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLOUT, .data.fd = fd});
  }
  address.sin_port = port;
  host = target;
  spread = SPREAD;
  double took[BURSTS];
  by_epoll_in(ep, BURST, 64); // warm
  for (int i = 0; i < BURSTS; i++) {
    double began = now();
    by_epoll_in(ep, BURST, 64);
    took[i] = now() - began;
  }
  qsort(took, BURSTS, sizeof *took, ascending);
  printf("%.6f\n", took[BURSTS / 2]);
}

static int64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int tick(int count) {
  usleep(300000); // until the other end is up
  for (int i = 0; i < count; i++) {
    usleep(3000 + rand() % 3000);
    int64_t t = nanoseconds();
    if (write(1, &t, sizeof t) < 0) return 1;
  }
  return 0;
}

static int wake(int count) {
  int ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(ep, EPOLL_CTL_ADD, 0, &event);
  for (int i = 0; i < count; i++) {
    epoll_wait(ep, &event, 1, -1);
    int64_t t = nanoseconds(), written;
    if (read(0, &written, sizeof written) != sizeof written) return 1;
    printf("%.3f\n", (t - written) / 1e3);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "tick") == 0) return tick(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "wake") == 0) return wake(atoi(argv[2]));
  if (argc < 5) { fprintf(stderr, "usage: see the head of floor.c\n"); return 2; }
  scanning = strcmp(argv[1], "scan") == 0;
  const char *way = argv[1 + scanning];
  address.sin_family = AF_INET;
  host = ntohl(inet_addr(argv[2 + scanning]));
  if (scanning) spread = 1;
  else address.sin_port = htons(atoi(argv[3]));
  int count = scanning ? 65535 : atoi(argv[4]), flight = argc == 6 ? atoi(argv[5]) : atoi(argv[4]);
  if (strcmp(way, "idle") == 0) { idle(atoi(argv[4]), atoi(argv[5])); return 0; }
  double began = now();
  if (strcmp(way, "epoll") == 0) by_epoll(count, flight);
  else if (strcmp(way, "poll") == 0) by_poll(count, flight);
  else one_at_a_time(count);
  printf("%.6f\n", now() - began);
  return 0;
}
