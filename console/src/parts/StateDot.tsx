import type { AgentState } from "../api/types";

/** A colour for the eye, a shape for those who see none; the word always stands beside it. */
export function StateDot({ state }: { state: AgentState }) {
  return <span className={`dot dot-${state}`} aria-hidden="true" />;
}
