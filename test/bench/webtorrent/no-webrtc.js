// Imported before WebTorrent: WebRTC needs a native part that is fetched by an install script; over plain TCP nobody calls it.
import { registerHooks } from 'node:module'

const NO_WEBRTC =
  'data:text/javascript,' +
  encodeURIComponent(
    'export class RTCPeerConnection{} export class RTCSessionDescription{} export class RTCIceCandidate{} export default {}',
  )
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'webrtc-polyfill' || specifier.startsWith('node-datachannel')
      ? { url: NO_WEBRTC, shortCircuit: true }
      : next(specifier, context),
})
