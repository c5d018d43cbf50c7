// Where a call can be sent on to, and which of them fit what is typed.

import type { AgentState, Desk } from "../api/types";

export type Target =
  | { is: "queue"; name: string; display: string; waiting: number; /** Where the call came from. */ back: boolean }
  | { is: "agent"; name: string; display: string; state: AgentState };

/**
 * Other queues first; colleagues who are free before the others, who are shown so that nobody searches in vain. The queue that the call came
 * from is never the first choice: Enter pressed too early must not send the caller back to waiting.
 */
export function targetsOf(desk: Desk): Target[] {
  const queues = [...desk.queues, ...desk.other_queues].map(
    ({ name, waiting }): Target => ({ is: "queue", name, display: name, waiting, back: name === desk.call?.queue }),
  );
  const colleagues = desk.colleagues
    .filter((colleague) => colleague.name !== desk.agent.name)
    .map((colleague): Target => ({ is: "agent", ...colleague }));
  const isBack = (target: Target): boolean => target.is === "queue" && target.back;
  return [
    ...queues.filter((queue) => !isBack(queue)),
    ...colleagues.filter(canTake),
    ...queues.filter(isBack),
    ...colleagues.filter((colleague) => !canTake(colleague)),
  ];
}

export function canTake(target: Target): boolean {
  return target.is === "queue" || target.state === "available";
}

export function fitting(targets: readonly Target[], typed: string): Target[] {
  const words = typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return targets.filter((target) => {
    const text = `${target.display} ${target.name}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The next one that can be chosen, going round; -1 when there is none. */
export function move(targets: readonly Target[], from: number, by: 1 | -1): number {
  for (let steps = 1; steps <= targets.length; steps += 1) {
    const at = (((from + by * steps) % targets.length) + targets.length) % targets.length;
    const target = targets[at];
    if (target && canTake(target)) return at;
  }
  return -1;
}
