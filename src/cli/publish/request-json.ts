// A signing request for a program.
import type { SigningRequest } from '../../publish/signing-request.ts'

/** `missing` is how many signatures are still needed; keyids are whole. */
export function requestJson({ kind, mesh, document, previous, quorums }: SigningRequest) {
  const { version, expires } = document.signed
  return {
    schema: 'pimesh.request/1',
    ...{ kind, mesh, version },
    role: kind === 'announcement' ? document.signed.role : kind,
    follows: previous?.signed.version ?? null,
    hash: document.hash,
    expires: new Date(expires).toISOString(),
    quorums: quorums.map(({ name, threshold, keyIds, signed }) => ({
      ...{ name, threshold, keys: keyIds, signed },
      missing: Math.max(0, threshold - signed.length),
    })),
  }
}
