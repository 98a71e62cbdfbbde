// Node's HTTP, asked for by name. Importing it loads Node's whole web client with it (undici, for its WebSocket): 60 ms of CPU
// here, and a second on a slow board, at every start of a daemon and of every command.

/** The module `node:http`. */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http')
