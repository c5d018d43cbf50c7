import { useTranslation } from "react-i18next";
import type { MoodPoint } from "../api/types";
import { moodWord } from "./acts";

const WIDTH = 168;
const HEIGHT = 44;
const EDGE = 5;

/** Points of the curve; time goes to the right, being upset goes up. */
export function curve(mood: readonly MoodPoint[]): { x: number; y: number }[] {
  const first = mood[0];
  const last = mood.at(-1);
  if (!first || !last) return [];
  const length = Math.max(1, last.at_s - first.at_s);
  return mood.map((point) => ({
    x: EDGE + ((point.at_s - first.at_s) / length) * (WIDTH - 2 * EDGE),
    y: HEIGHT - EDGE - (Math.min(100, Math.max(0, point.level)) / 100) * (HEIGHT - 2 * EDGE),
  }));
}

export function MoodCurve({ mood }: { mood: readonly MoodPoint[] }) {
  const { t } = useTranslation();
  const first = mood[0];
  const last = mood.at(-1);
  if (!first || !last) return <p className="note">{t("card.mood_unknown")}</p>;
  const points = curve(mood);
  const end = points.at(-1);
  const now = moodWord(last.level);
  const text = t("card.mood_text", { first: t(`card.mood_${moodWord(first.level)}`), now: t(`card.mood_${now}`) });
  return (
    <div className="mood">
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={text}>
        <line x1={EDGE} x2={WIDTH - EDGE} y1={HEIGHT / 2} y2={HEIGHT / 2} className="mood-middle" />
        <polyline points={points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")} className="mood-line" />
        {end ? <circle cx={end.x} cy={end.y} r="4" className={`mood-end mood-${now}`} /> : null}
      </svg>
      <b className={`mood-word mood-${now}`}>{t(`card.mood_${now}`)}</b>
    </div>
  );
}
