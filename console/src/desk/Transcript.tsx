// The conversation as it goes: the caller's words, what the robot took them for and answered, later the agent's own words.

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Call, Intent, Turn } from "../api/types";
import { Panel } from "../parts/Panel";
import { clock } from "../parts/time";
import { ActButton } from "./ActButton";
import { KEYS } from "./shortcuts";

interface Props {
  call: Call;
  intents: readonly Intent[];
  playing: number | null;
  onPlay: (turn: Turn) => void;
  onWrong: (turn: Turn) => void;
  canReplay: boolean;
  onReplay: () => void;
}

/** So near to the end somebody counts as reading the newest. */
const NEAR_END_PX = 60;

export function Transcript({ call, intents, playing, onPlay, onWrong, canReplay, onReplay }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const count = call.turns.length;
  useEffect(() => {
    const element = box.current;
    if (element && following.current && count > 0) element.scrollTop = element.scrollHeight;
  }, [count]);
  const aside = canReplay ? (
    <span className="transcript-replay" title={t("transcript.logged")}>
      <ActButton label={playing === null ? t("transcript.play_last") : t("transcript.playing")} shortcut={KEYS.replay} onClick={onReplay} />
    </span>
  ) : null;
  return (
    <Panel title={t("transcript.title")} aside={aside} className="transcript">
      <div
        ref={box}
        className="turns"
        role="log"
        aria-label={t("transcript.title")}
        tabIndex={0}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          following.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
        }}
      >
        {count === 0 ? <p className="note">{t("transcript.empty")}</p> : null}
        {call.turns.map((turn) => (
          <TurnLines key={`${turn.who}-${turn.number}`} turn={turn} intents={intents} playing={playing} onPlay={onPlay} onWrong={onWrong} />
        ))}
      </div>
    </Panel>
  );
}

type LinesProps = Pick<Props, "intents" | "playing" | "onPlay" | "onWrong"> & { turn: Turn };

function TurnLines({ turn, intents, playing, onPlay, onWrong }: LinesProps) {
  const { t } = useTranslation();
  const time = clock(turn.at_s);
  if (turn.who === "agent") {
    return (
      <div className="turn turn-you">
        <span className="turn-time">{time}</span>
        <span className="turn-who">{t("transcript.agent")}</span>
        <p className="turn-text">{turn.sensitive ? <i>{t("transcript.withheld")}</i> : turn.text}</p>
      </div>
    );
  }
  const label = turn.intent === null ? null : (intents.find((intent) => intent.name === turn.intent)?.label ?? turn.intent);
  return (
    <>
      <div className="turn turn-caller">
        <span className="turn-time">{time}</span>
        <span className="turn-who">{t("transcript.caller")}</span>
        <p className="turn-text">
          <Words turn={turn} />
          {label ? <span className="turn-intent">{t("transcript.taken_for", { intent: label })}</span> : null}
        </p>
        <span className="turn-acts">
          {turn.utterance === null ? null : (
            <button
              type="button"
              className="small"
              aria-label={t("transcript.play", { time })}
              title={t("transcript.play", { time })}
              onClick={() => onPlay(turn)}
            >
              {playing === turn.number ? "■" : "▶"}
            </button>
          )}
          <button
            type="button"
            className="small"
            aria-label={t("transcript.wrong", { time })}
            title={t("transcript.wrong", { time })}
            onClick={() => onWrong(turn)}
          >
            ⚑
          </button>
        </span>
      </div>
      {turn.answer ? (
        <div className="turn turn-robot">
          <span className="turn-time" />
          <span className="turn-who">{t("transcript.robot")}</span>
          <p className="turn-text">{turn.answer}</p>
        </div>
      ) : null}
    </>
  );
}

function Words({ turn }: { turn: Turn }) {
  const { t } = useTranslation();
  if (turn.sensitive) return <i className="withheld">{t("transcript.withheld")}</i>;
  if (turn.keyed) return <span>{t("transcript.keys", { keys: turn.text })}</span>;
  return turn.text ? <span>{turn.text}</span> : <i className="note">{t("transcript.silent")}</i>;
}
