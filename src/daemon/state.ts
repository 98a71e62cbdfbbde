// The state of a data folder as the daemon may use it: whatever it holds must follow from what joining verified.
import { rm } from 'node:fs/promises'
import { walkRoots } from '../core/trust/roots.ts'
import { cryptoEnv } from '../keys/env.ts'
import type { Store } from '../ports/store.ts'
import { openLevelStore } from '../store/level.ts'
import { readState, type SavedState } from '../wire/state.ts'
import type { Joined } from './folder.ts'

export interface OpenState {
  store: Store
  /** Its roots are those beyond the joined ones. */
  state: SavedState
  /** What was left out, for the log: one sentence each. */
  notes: string[]
}

/**
 * Opens the state in folder `path` for who joined so. State of another mesh is removed: it can only be left over, and its
 * contacts, rows and incarnation mean nothing here.
 * @throws Failure E_DATA_OPEN, E_DATA_WRITE, E_STATE
 */
export async function openState(path: string, joined: Joined): Promise<OpenState> {
  const found = await read(path)
  if (!isForeign(found.state, joined)) return { store: found.store, ...fitting(found.state, joined, path) }
  await found.store.close()
  await rm(path, { recursive: true, force: true })
  const { store, state } = await read(path)
  return { store, state, notes: [`the state in ${path} was of another mesh and has been removed`] }
}

async function read(path: string): Promise<{ store: Store; state: SavedState }> {
  const store = await openLevelStore(path)
  try {
    return { store, state: await readState(store) }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** True when a membership or a record names another mesh; the gate and the validators let none of those through. */
function isForeign({ memberships, rows }: SavedState, { mesh }: Joined): boolean {
  const mesh8 = mesh.slice(0, 16)
  return memberships.some(({ claims }) => claims.mesh !== mesh) || rows.some(({ envelope }) => envelope.mesh8 !== mesh8)
}

/** The state with the roots that chain from the joined ones. */
function fitting(state: SavedState, joined: Joined, path: string): { state: SavedState; notes: string[] } {
  const held = joined.roots.at(-1)
  const newer = state.roots.filter(({ signed }) => signed.version > (held?.signed.version ?? 0))
  const { accepted, problem } = walkRoots(held, newer, { mesh: joined.mesh }, cryptoEnv(Math.random))
  const notes = state.damaged.map((key) => `the entry ${key} of ${path} is damaged and was left out`)
  if (problem !== undefined) notes.push(`a root in ${path} was left out: ${problem}`)
  return { state: { ...state, roots: accepted }, notes }
}
