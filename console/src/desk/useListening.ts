import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Turn } from "../api/types";
import { useSay } from "../parts/notices";

/** Plays a caller's turn of the own call; a second press stops it. */
export function useListening(call: string | null): { playing: number | null; play: (turn: Turn) => void } {
  const { t } = useTranslation();
  const say = useSay();
  const audio = useRef<HTMLAudioElement | null>(null);
  const [playing, setPlaying] = useState<number | null>(null);
  const stop = useCallback(() => {
    audio.current?.pause();
    audio.current = null;
    setPlaying(null);
  }, []);
  useEffect(() => stop, [call, stop]);
  const play = useCallback(
    (turn: Turn) => {
      const again = audio.current !== null && playing === turn.number;
      stop();
      if (again || call === null || turn.utterance === null) return;
      const sound = new Audio(`/api/v1/desk/audio/${encodeURIComponent(call)}/${turn.utterance}`);
      audio.current = sound;
      setPlaying(turn.number);
      const mine = (act: () => void) => () => {
        if (audio.current === sound) act();
      };
      sound.onended = mine(stop);
      const failed = mine(() => {
        stop();
        say.done(t("transcript.no_audio"));
      });
      sound.onerror = failed;
      sound.play().catch(failed);
    },
    [call, playing, say, stop, t],
  );
  return { playing, play };
}
