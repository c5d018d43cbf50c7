// The agent's desk. What can be done now is asked of `acts.ts`, how it is done is in `useDeskActions.ts`; this file puts the parts together.

import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Live } from "../api/live";
import type { Desk, Presence, Turn } from "../api/types";
import { useTitle } from "../parts/hooks";
import { InBar } from "../parts/InBar";
import { MicrophoneTrouble, PhonePanel } from "../phone/PhonePanel";
import type { Softphone } from "../phone/softphone";
import { useSay } from "../parts/notices";
import { reasonText } from "../parts/words";
import { AbuseDialog } from "./AbuseDialog";
import { BackDialog } from "./BackDialog";
import { CallActions } from "./CallActions";
import { CardPanel } from "./CardPanel";
import { ChecklistPanel } from "./ChecklistPanel";
import { DraftPanel } from "./DraftPanel";
import { HangUpDialog } from "./HangUpDialog";
import { HelpOverlay } from "./HelpOverlay";
import { HistoryPanel } from "./HistoryPanel";
import { IdlePanel } from "./IdlePanel";
import { LoadPanel } from "./LoadPanel";
import { ParkedPanel } from "./ParkedPanel";
import { PresencePanel } from "./PresencePanel";
import { ColleaguesPanel, QueuesPanel } from "./QueuesPanel";
import { Transcript } from "./Transcript";
import { TransferDialog } from "./TransferDialog";
import { WrapUpPanel } from "./WrapUpPanel";
import { WrongDialog } from "./WrongDialog";
import { lastAnswered, lastHeard, possibleActs } from "./acts";
import type { Act } from "./shortcuts";
import { useDeskActions } from "./useDeskActions";
import { useListening } from "./useListening";
import { useRinging } from "./useRinging";
import { useShortcuts } from "./useShortcuts";

interface Props {
  live: Live;
  phone: Softphone;
  desk: Desk | null;
  /** The connection is lost: what is shown is old. */
  lost: boolean;
}

export function DeskPage({ live, phone, desk, lost }: Props) {
  const { t } = useTranslation();
  const say = useSay();
  // The socket sends the desk at once; asking as well shows it where sockets are blocked on the way.
  useEffect(() => {
    live.desk("").catch(say.failed);
  }, [live, say]);
  if (!desk) {
    return (
      <p className="loading" role="status">
        {t("app.loading")}
      </p>
    );
  }
  return <DeskOf live={live} phone={phone} desk={desk} lost={lost} />;
}

type Dialog = { is: "none" } | { is: "transfer" | "back" | "consult" | "hangup" | "abuse" | "help"; call: string | null } | { is: "wrong"; call: string; turn: Turn };
const NONE: Dialog = { is: "none" };

/** What the agent asked for after a call, to be shown until the call is over; the gateway keeps it. */
interface After {
  call: string;
  state: Presence;
  reason: string | null;
}

function DeskOf({ live, phone, desk, lost }: { live: Live; phone: Softphone; desk: Desk; lost: boolean }) {
  const { t } = useTranslation();
  const { agent, call } = desk;
  const inPage = agent.phone === "browser";
  const [asked, setAsked] = useState<Dialog>(NONE);
  const [rejected, setRejected] = useState<string | null>(null);
  const [editing, setEditing] = useState(false);
  const [wish, setWish] = useState<"done_available" | "done_break" | "summary" | null>(null);
  const [after, setAfter] = useState<After | null>(null);
  const actions = useDeskActions(live);
  const listening = useListening(call?.id ?? null);
  const ringing = useRinging(call);

  const draftKey = call?.draft ? `${call.id}/${call.draft.source}/${call.draft.text}` : null;
  const draft = draftKey !== null && draftKey === rejected ? null : (call?.draft ?? null);
  useEffect(() => setEditing(false), [draftKey]);

  const possible = useMemo(() => possibleActs(desk, draft === null), [desk, draft]);
  // A dialog about a call that is over, or that does not fit any more, closes by itself.
  const stale = asked.is !== "none" && asked.is !== "help" && (asked.call !== (call?.id ?? null) || !possible.has(asked.is));
  const dialog = stale ? NONE : asked;
  const close = (): void => setAsked(NONE);

  function presence(state: Presence, reason: string | null): void {
    if (!call) return void actions.presence(state, reason);
    const word = reason ? reasonText(t, reason) : t(`state.${state}`);
    const wanted: After = { call: call.id, state, reason };
    void actions.presence(state, reason, t("presence.after_taken", { state: word })).then((worked) => worked && setAfter(wanted));
    return undefined;
  }

  // In the page one key is enough: what was fetched is picked up as soon as it rings.
  const [fetching, setFetching] = useState<string | null>(null);
  const rings = call?.phase === "offered" ? call.id : null;
  useEffect(() => {
    if (fetching === null || rings !== fetching) return;
    setFetching(null);
    if (inPage) void phone.answer(rings);
  }, [fetching, rings, inPage, phone]);
  function fetchParked(of: string | undefined): void {
    if (!of) return;
    ringing.unlock();
    setFetching(of);
    void actions.fetch(of).then((worked) => worked || setFetching(null));
  }

  function perform(act: Act): void {
    switch (act.act) {
      case "available":
        ringing.unlock();
        if (!inPage) return presence("available", null);
        // Nobody is to ring at a page that has no microphone; why, it says at the top.
        return void phone.prepare().then((works) => (works ? presence("available", null) : undefined));
      case "away":
        return presence("away", act.reason);
      case "offline":
        return presence("offline", null);
      case "answer":
        // A click that unlocks the sound, too, where it came before "available" did.
        ringing.unlock();
        return call ? void phone.answer(call.id) : undefined;
      case "mute":
        return phone.mute(!phone.snapshot().call?.muted);
      case "decline":
        return actions.decline();
      case "hold":
        return actions.hold(call?.phase !== "held");
      case "three_way":
        return actions.threeWay();
      case "park":
        return actions.park();
      case "fetch":
        return fetchParked(act.call ?? desk.parked[0]?.call);
      case "complete":
        return actions.endConsult(true);
      case "go_back":
        // Who was only asked leaves so, too: by hanging up they could end the call, where it has become theirs meanwhile.
        return actions.endConsult(false);
      case "transfer":
      case "back":
      case "consult":
      case "hangup":
      case "abuse":
      case "help":
        return setAsked({ is: act.act, call: call?.id ?? null });
      case "wrong": {
        const turn = call ? lastAnswered(call.turns) : null;
        if (call && turn) setAsked({ is: "wrong", call: call.id, turn });
        return undefined;
      }
      case "replay": {
        const turn = call ? lastHeard(call.turns) : null;
        return turn ? listening.play(turn) : undefined;
      }
      case "copy":
        if (draft) {
          actions.copy(draft.text);
          actions.judge(draft, "taken");
        }
        return undefined;
      case "edit":
        return setEditing(true);
      case "reject":
        if (draft) actions.judge(draft, "rejected");
        return setRejected(draftKey);
      case "extend":
        return actions.extend();
      case "summary":
      case "done_available":
      case "done_break":
        return setWish(act.act);
    }
  }
  const shortcuts = useShortcuts(possible, desk.reasons, perform);
  useTitle(t("nav.desk"), call?.phase === "offered");
  // On a small screen the card and the wrap-up are at the top, wherever somebody has scrolled to.
  const begins = call?.phase === "offered" || call?.phase === "wrapup" ? call.phase : null;
  useEffect(() => {
    if (begins) window.scrollTo({ top: 0 });
  }, [begins]);

  return (
    <div className={call ? "desk desk-call" : "desk"}>
      <h1 className="hidden">{t("nav.desk")}</h1>
      <div className="desk-middle" role="region" aria-label={t("nav.desk")} tabIndex={0}>
        {ringing.locked && agent.state !== "offline" ? <SoundLocked unlock={ringing.unlock} /> : null}
        {inPage ? <MicrophoneTrouble phone={phone} /> : null}
        {call?.phase === "wrapup" ? (
          <WrapUpPanel key={call.id} desk={desk} call={call} actions={actions} wish={wish} onWish={() => setWish(null)} />
        ) : null}
        {call ? <CardPanel call={call} agent={agent} possible={possible} perform={perform} /> : null}
        {call ? (
          <Transcript
            call={call}
            intents={desk.intents}
            playing={listening.playing}
            onPlay={listening.play}
            onWrong={(turn) => setAsked({ is: "wrong", call: call.id, turn })}
            canReplay={possible.has("replay")}
            onReplay={() => perform({ act: "replay" })}
          />
        ) : (
          <IdlePanel desk={desk} lost={lost} perform={perform} />
        )}
      </div>
      <aside className="desk-left" tabIndex={0} aria-label={t("presence.title")}>
        <PresencePanel desk={desk} lost={lost} after={after?.call === call?.id ? after : null} possible={possible} perform={perform} />
        {/* Somebody waits there: it is seen without scrolling. */}
        <ParkedPanel parked={desk.parked} gone={desk.parked_gone} possible={possible} perform={perform} />
        {inPage ? <PhonePanel phone={phone} onMute={() => perform({ act: "mute" })} /> : null}
        <LoadPanel load={agent.load} />
        <QueuesPanel queues={desk.queues} />
        <ColleaguesPanel colleagues={desk.colleagues} />
      </aside>
      {call ? (
        <aside className="desk-right" tabIndex={0} aria-label={t("actions.title")}>
          <CallActions call={call} possible={possible} perform={perform} />
          <ChecklistPanel items={call.checklist} />
          <DraftPanel
            draft={draft}
            rejected={rejected !== null && rejected === draftKey}
            intents={desk.intents}
            editing={editing}
            onEditing={setEditing}
            possible={possible}
            perform={perform}
            onOther={(other) => {
              actions.copy(other.text);
              actions.judge(other, "taken");
            }}
            onRightAnswer={async (text) => {
              const sent = await actions.rightAnswer(lastAnswered(call.turns), text);
              if (sent && draft) actions.judge(draft, "changed");
              return sent;
            }}
          />
          <HistoryPanel call={call.id} intents={desk.intents} />
        </aside>
      ) : null}
      {dialog.is === "transfer" ? <TransferDialog desk={desk} actions={actions} onClose={close} /> : null}
      {dialog.is === "back" && call ? <BackDialog nodes={call.back_to} actions={actions} onClose={close} /> : null}
      {dialog.is === "consult" ? <TransferDialog desk={desk} actions={actions} asks onClose={close} /> : null}
      {dialog.is === "hangup" ? <HangUpDialog actions={actions} onClose={close} /> : null}
      {dialog.is === "abuse" && call ? <AbuseDialog call={call.id} actions={actions} onClose={close} /> : null}
      {dialog.is === "wrong" ? <WrongDialog turn={dialog.turn} intents={desk.intents} actions={actions} onClose={close} /> : null}
      {dialog.is === "help" ? <HelpOverlay reasons={desk.reasons} shortcuts={shortcuts} onClose={close} /> : null}
      <InBar>
        <button type="button" className="help-button" onClick={() => perform({ act: "help" })} aria-keyshortcuts="?" aria-label={t("help.open")}>
          <kbd aria-hidden="true">?</kbd>
        </button>
      </InBar>
    </div>
  );
}

function SoundLocked({ unlock }: { unlock: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="locked" role="status">
      <span>{t("sound.locked")}</span>
      <button type="button" onClick={unlock}>
        {t("sound.unlock")}
      </button>
    </div>
  );
}
