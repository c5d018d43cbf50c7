// The phone in the page, as the agent sees it: whether the microphone works, how loud both ends are, mute, keys, devices.

import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import type { Microphone } from "./devices";
import type { Softphone } from "./softphone";
import { ActButton } from "../desk/ActButton";
import { KEYS } from "../desk/shortcuts";
import { Panel } from "../parts/Panel";

const KEYPAD = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const METER_MS = 80;

export function PhonePanel({ phone, onMute }: { phone: Softphone; onMute: () => void }) {
  const { t } = useTranslation();
  const state = useSyncExternalStore(phone.subscribe, phone.snapshot);
  const [keys, setKeys] = useState(false);
  const { call } = state;
  return (
    <Panel title={t("phone.title")} className="phone" aside={call ? <span className="note">{t(`phone.${call.phase}`)}</span> : null}>
      {call ? <Meters phone={phone} muted={call.muted} /> : null}
      {call?.phase === "up" ? (
        <>
          <div className="phone-acts">
            <ActButton label={call.muted ? t("phone.unmute") : t("phone.mute")} shortcut={KEYS.mute} pressed={call.muted} onClick={onMute} />
            <ActButton label={t("phone.keys")} shortcut={null} pressed={keys} onClick={() => setKeys(!keys)} />
          </div>
          {keys ? (
            <div className="keypad" role="group" aria-label={t("phone.keys")}>
              {KEYPAD.map((key) => (
                <button key={key} type="button" onClick={() => void phone.press(key)}>
                  {key}
                </button>
              ))}
            </div>
          ) : null}
        </>
      ) : null}
      {state.inputs.length > 1 ? (
        <Choice label={t("phone.input")} chosen={state.input} devices={state.inputs} onChoose={(id) => void phone.chooseInput(id)} />
      ) : null}
      {state.choosesOutput && state.outputs.length > 1 ? (
        <Choice label={t("phone.output")} chosen={state.output} devices={state.outputs} onChoose={(id) => void phone.chooseOutput(id)} />
      ) : null}
      {state.choosesOutput || state.microphone !== "ready" ? null : <p className="note">{t("phone.output_fixed")}</p>}
      {call || state.microphone !== "ready" ? null : <p className="note">{t("phone.ready")}</p>}
      {call || state.microphone !== "unknown" ? null : <p className="note">{t("phone.unknown")}</p>}
      {call || !troubleOf(state.microphone) ? null : <p className="note">{t("phone.none")}</p>}
    </Panel>
  );
}

/** Why nobody would hear the agent, with what to do. */
export function MicrophoneTrouble({ phone }: { phone: Softphone }): ReactNode {
  const { t } = useTranslation();
  const { microphone } = useSyncExternalStore(phone.subscribe, phone.snapshot);
  const trouble = troubleOf(microphone);
  return trouble ? (
    <div className="locked" role="alert">
      <span>{t(`phone.${trouble}`)}</span>
      <button type="button" onClick={() => void phone.prepare()}>
        {t("common.try_again")}
      </button>
    </div>
  ) : null;
}

export function troubleOf(microphone: Microphone): Exclude<Microphone, "unknown" | "ready"> | null {
  return microphone === "unknown" || microphone === "ready" ? null : microphone;
}

function Meters({ phone, muted }: { phone: Softphone; muted: boolean }) {
  const { t } = useTranslation();
  const voice = useRef<HTMLMeterElement>(null);
  const ear = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const levels = phone.levels();
      if (voice.current) voice.current.value = muted ? 0 : levels.voice;
      if (ear.current) ear.current.value = levels.ear;
    }, METER_MS);
    return () => clearInterval(timer);
  }, [phone, muted]);
  return (
    <div className="meters">
      <label>
        {t("phone.you")}
        <meter ref={voice} min={0} max={1} />
      </label>
      <label>
        {t("phone.caller")}
        <meter ref={ear} min={0} max={1} />
      </label>
    </div>
  );
}

function Choice(props: { label: string; chosen: string; devices: MediaDeviceInfo[]; onChoose: (id: string) => void }) {
  const { t } = useTranslation();
  const known = props.devices.some((device) => device.deviceId === props.chosen);
  return (
    <label className="phone-device">
      <span className="note">{props.label}</span>
      <select value={known ? props.chosen : ""} onChange={(event) => props.onChoose(event.currentTarget.value)}>
        <option value="">{t("phone.usual")}</option>
        {props.devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("phone.device", { number: index + 1 })}
          </option>
        ))}
      </select>
    </label>
  );
}
