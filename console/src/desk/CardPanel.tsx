// The card: everything to know in five seconds. What they want is the largest, then why they want a person, then who they are.

import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import type { Agent, Call, Card, Turn } from "../api/types";
import { currentLanguage } from "../i18n";
import { useNow } from "../parts/hooks";
import { clock, secondsSince } from "../parts/time";
import { useTimeText } from "../parts/useTimeText";
import { languageText, slotText } from "../parts/words";
import { ActButton } from "./ActButton";
import { MoodCurve } from "./MoodCurve";
import { type Act, type ActName, KEYS } from "./shortcuts";

interface Props {
  call: Call;
  agent: Agent;
  possible: ReadonlySet<ActName>;
  perform: (act: Act) => void;
}

export function CardPanel({ call, agent, possible, perform }: Props) {
  const { t } = useTranslation();
  const { card } = call;
  const offered = call.phase === "offered";
  return (
    <section className={offered ? "card card-rings" : "card"} aria-labelledby="card-want">
      <header className="card-phase">
        {/* Without the clock: a screen reader would tell the alert anew each second. */}
        <div className="card-alert" role={offered ? "alert" : undefined}>
          <span className="card-phase-word">{phaseWord(t, call)}</span>
          {offered && agent.phone !== "browser" ? (
            <span>
              <b>{t("card.pick_up")}</b> {agent.phone === "registered" ? null : <span className="mono">{agent.phone}</span>}
            </span>
          ) : null}
        </div>
        <span className="card-queue">{t("card.queue", { queue: call.queue })}</span>
        <PhaseClock since={call.since} />
        {possible.has("answer") ? (
          <ActButton label={t("card.answer")} shortcut={KEYS.answer} tone="main" onClick={() => perform({ act: "answer" })} />
        ) : null}
        {possible.has("decline") ? (
          <ActButton label={t("card.decline")} shortcut={KEYS.decline} onClick={() => perform({ act: "decline" })} />
        ) : null}
      </header>
      <div className="card-head">
        <div>
          <h2 id="card-want">{card.intent_label ?? card.intent ?? t("card.no_intent")}</h2>
          <p className="card-because">
            <span className="note">{t("card.because")}</span> {card.because_text[currentLanguage()] || card.because}
          </p>
          {card.spoke_with.length > 0 ? (
            <p className="card-because">
              <span className="note">{t("card.spoke_with")}</span> {card.spoke_with.join(", ")}
            </p>
          ) : null}
        </div>
        <Who card={card} />
      </div>
      {call.phase === "wrapup" ? null : (
        <>
          <div className="card-facts">
            <Known card={card} call={call} />
            <Tried turns={call.turns} />
            <Spent call={call} />
          </div>
          {card.summary ? <p className="card-summary">{card.summary}</p> : null}
        </>
      )}
    </section>
  );
}

function phaseWord(t: TFunction, { phase, consult }: Call): string {
  if (phase === "consulting" && consult?.three_way) return t("consult.three_way_word");
  return consult?.asked && (phase === "offered" || phase === "consulting") ? t("consult.asked_word") : t(`phase.${phase}`);
}

function PhaseClock({ since }: { since: string }) {
  const now = useNow();
  return <span className="card-clock">{clock(secondsSince(since, now))}</span>;
}

function Who({ card }: { card: Card }) {
  const { t } = useTranslation();
  return (
    <div className="card-who">
      <p className="card-caller">{card.caller || t("card.unknown_caller")}</p>
      <ul className="chips">
        <li className={card.verified ? "chip chip-good" : "chip chip-open"}>
          <span aria-hidden="true">{card.verified ? "✓ " : "○ "}</span>
          {card.verified ? t("card.verified") : t("card.not_verified")}
        </li>
        {card.call_back ? <li className="chip chip-tier">{t("card.call_back", { number: card.call_back.number })}</li> : null}
        <li className="chip">{languageText(t, card.language)}</li>
        {card.tier ? <li className="chip chip-tier">{t("card.tier", { tier: card.tier })}</li> : null}
        {card.priority > 0 ? <li className="chip chip-tier">{t("card.priority", { priority: card.priority })}</li> : null}
      </ul>
      <p className="note">
        {t("card.dialled")} {card.dialled}
        {card.diverted_from ? ` · ${t("card.diverted", { number: card.diverted_from })}` : null}
      </p>
    </div>
  );
}

function Known({ card, call }: { card: Card; call: Call }) {
  const { t } = useTranslation();
  const slots = Object.entries(card.slots);
  const label = (slot: string): string => call.checklist.find((item) => item.slot === slot)?.label ?? slotText(slot);
  return (
    <div>
      <h3>{t("card.known")}</h3>
      {slots.length === 0 ? <p className="note">{t("card.nothing_known")}</p> : null}
      <dl className="slots">
        {slots.map(([slot, value]) => (
          <div key={slot}>
            <dt>{label(slot)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {card.step ? (
        <p className="card-step">{t("card.step", { step: card.step.step, of: card.step.of, procedure: slotText(card.step.procedure) })}</p>
      ) : null}
    </div>
  );
}

const TRIED_AT_MOST = 3;

/**
 * What the robot answered to what it understood (the rest are questions and the sentence before a person comes). The same answer given twice
 * is shown once with its count, since that is what annoyed the caller.
 */
export function tried(turns: readonly Turn[]): { answer: string; times: number }[] {
  const answers = new Map<string, number>();
  for (const turn of turns) {
    if (turn.who === "caller" && turn.intent !== null && turn.answer) answers.set(turn.answer, (answers.get(turn.answer) ?? 0) + 1);
  }
  return [...answers].map(([answer, times]) => ({ answer, times })).slice(-TRIED_AT_MOST);
}

function Tried({ turns }: { turns: readonly Turn[] }) {
  const { t } = useTranslation();
  const answers = tried(turns);
  return (
    <div>
      <h3>{t("card.tried")}</h3>
      {answers.length === 0 ? <p className="note">{t("card.nothing_tried")}</p> : null}
      <ul className="tried">
        {answers.map(({ answer, times }) => (
          <li key={answer}>
            {times > 1 ? <b>{times}× </b> : null}
            {answer}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Spent({ call }: { call: Call }) {
  const { t } = useTranslation();
  const time = useTimeText();
  return (
    <div className="card-spent">
      <h3>{t("card.mood")}</h3>
      <MoodCurve mood={call.mood} />
      <dl className="slots">
        <div>
          <dt>{t("card.with_robot")}</dt>
          <dd>{time.length(call.card.seconds)}</dd>
        </div>
        <div>
          <dt>{t("card.waited")}</dt>
          <dd>{time.length(call.waited_s)}</dd>
        </div>
      </dl>
    </div>
  );
}
