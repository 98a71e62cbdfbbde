// Why this node cannot listen, as a person can act on it.
import { Failure } from '../core/failure.ts'

export function listenProblem(cause: unknown, where: string): Failure {
  const text = cause instanceof Error ? cause.message : String(cause)
  if (text.includes('EADDRINUSE')) {
    return new Failure(
      'E_PORT_TAKEN',
      `another program listens on ${where} already: stop it, or give another port in "listen" of the configuration`,
      { cause },
    )
  }
  if (text.includes('EACCES')) {
    const right = 'sudo setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")"'
    return new Failure(
      'E_PORT_DENIED',
      `this user may not listen on a port below 1024 (${where}): \`${right}\`, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or another port in "listen"`,
      { cause },
    )
  }
  return new Failure('E_NO_ADDRESS', `cannot listen on ${where}: give an address of this machine`, { cause })
}
