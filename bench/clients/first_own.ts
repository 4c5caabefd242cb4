/** first_own.ts HOST PORT: one connect by the runtime's own API, close. */

interface Socket {
  close(): void;
  end(): void;
}
const { Deno, Bun } = globalThis as unknown as {
  Deno?: { args: string[]; connect(options: unknown): Promise<Socket> };
  Bun: { argv: string[]; connect(options: unknown): Promise<Socket> };
};
const [hostname, port] = Deno?.args ?? Bun.argv.slice(2);
const target = { hostname, port: Number(port) };
if (Deno !== undefined) (await Deno.connect(target)).close();
else (await Bun.connect({ ...target, socket: { data: () => {} } })).end();

export {};
