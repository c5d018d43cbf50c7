// Wrap-up with its timer. What is written is saved while it is written, because the time may end before the agent does.

import { Select, Textarea } from "@mantine/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Call, Desk, Presence } from "../api/types";
import { useNow } from "../parts/hooks";
import { clock, secondsUntil } from "../parts/time";
import { dispositionText, reasonText } from "../parts/words";
import { ActButton } from "./ActButton";
import { KEYS } from "./shortcuts";
import type { DeskActions, WrapUp } from "./useDeskActions";

interface Props {
  desk: Desk;
  call: Call;
  actions: DeskActions;
  /** What a key asked for; `onWish` says that it is being done. */
  wish: "done_available" | "done_break" | "summary" | null;
  onWish: () => void;
}

const PAUSE_BEFORE_SAVING_MS = 900;

export function WrapUpPanel({ desk, call, actions, wish, onWish }: Props) {
  const { t } = useTranslation();
  const { dispositions, reasons, agent } = desk;
  const [changed, setChanged] = useState<Partial<WrapUp>>({});
  const [saved, setSaved] = useState(true);
  const [busy, setBusy] = useState(false);
  const summaryBox = useRef<HTMLTextAreaElement>(null);
  const saving = useRef<Promise<unknown>>(Promise.resolve());
  // Until the agent changes them, the gateway's suggestions count; the summary may come a moment after the call.
  const disposition = changed.disposition === undefined ? call.disposition : changed.disposition;
  const summary = changed.summary === undefined ? call.summary : changed.summary;
  const pause = reasons.includes("break") ? "break" : (reasons[0] ?? null);

  useEffect(() => {
    if (saved) return undefined;
    const timer = setTimeout(() => {
      saving.current = actions.save({ disposition, summary }).then((worked) => worked && setSaved(true));
    }, PAUSE_BEFORE_SAVING_MS);
    return () => clearTimeout(timer);
  }, [actions, disposition, summary, saved]);

  function change(part: Partial<WrapUp>): void {
    setChanged((before) => ({ ...before, ...part }));
    setSaved(false);
  }

  const finish = useCallback(
    async (state: Presence, reason: string | null) => {
      setBusy(true);
      setSaved(true);
      // A save that is under way must not come after the end.
      await saving.current;
      if (!(await actions.finish({ disposition, summary }, { state, reason }))) setSaved(false);
      setBusy(false);
    },
    [actions, disposition, summary],
  );

  useEffect(() => {
    if (!wish) return;
    onWish();
    if (wish === "summary") writeOn(summaryBox.current);
    else if (wish === "done_available") void finish("available", null);
    else void finish("away", pause);
  }, [wish, onWish, finish, pause]);

  return (
    <section className="panel wrapup" aria-labelledby="wrapup-title">
      <header className="panel-head">
        <h2 id="wrapup-title">{t("wrapup.title")}</h2>
        <TimeLeft until={agent.until} />
        {agent.until ? <ActButton label={t("wrapup.extend")} shortcut={KEYS.extend} onClick={actions.extend} /> : null}
      </header>
      <div className="wrapup-form">
        <Select
          label={t("wrapup.disposition")}
          description={changed.disposition === undefined && call.disposition ? t("wrapup.suggested") : null}
          placeholder={t("wrapup.none_chosen")}
          data={dispositions.map((value) => ({ value, label: dispositionText(t, value) }))}
          value={disposition}
          onChange={(value) => change({ disposition: value })}
          searchable
        />
        <Textarea
          ref={summaryBox}
          label={t("wrapup.summary")}
          description={t("wrapup.summary_hint")}
          value={summary ?? ""}
          onChange={(event) => change({ summary: event.currentTarget.value })}
          autosize
          minRows={3}
          maxRows={8}
        />
      </div>
      <div className="wrapup-end">
        <span className="note" role="status">
          {Object.keys(changed).length === 0 ? null : saved ? t("wrapup.saved") : t("wrapup.unsaved")}
        </span>
        <ActButton
          label={pause ? t("wrapup.done_break", { reason: reasonText(t, pause) }) : t("wrapup.done_away")}
          shortcut={KEYS.done_break}
          disabled={busy}
          onClick={() => void finish("away", pause)}
        />
        <ActButton
          label={t("wrapup.done_available")}
          shortcut={KEYS.done_available}
          tone="main"
          disabled={busy}
          onClick={() => void finish("available", null)}
        />
      </div>
    </section>
  );
}

/** Puts the cursor behind what is there: agents add to a summary. */
function writeOn(box: HTMLTextAreaElement | null): void {
  box?.focus();
  box?.setSelectionRange(box.value.length, box.value.length);
}

const HURRY_S = 15;

function TimeLeft({ until }: { until: string | null }) {
  const { t } = useTranslation();
  const now = useNow();
  if (!until) return <span className="note">{t("wrapup.no_limit")}</span>;
  const left = secondsUntil(until, now);
  return (
    <span className={left <= HURRY_S ? "time-left time-short" : "time-left"} role="timer">
      {t("wrapup.left", { time: clock(left) })}
    </span>
  );
}
