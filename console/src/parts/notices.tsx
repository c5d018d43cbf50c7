// Short sentences at the edge of the page: what was done goes by itself, what failed stays until it is read.

import i18next from "i18next";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { problemText } from "./problems";

interface Notice {
  id: number;
  text: string;
  failed: boolean;
}

interface Say {
  done: (text: string) => void;
  failed: (error: unknown) => void;
}

const SHOWN_MS = 6000;
const AT_MOST = 3;

const SayContext = createContext<Say>({ done: () => {}, failed: () => {} });

export function useSay(): Say {
  return useContext(SayContext);
}

let lastId = 0;

export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const add = useCallback((text: string, failed: boolean) => {
    lastId += 1;
    const notice = { id: lastId, text, failed };
    // The same failure again replaces the former one.
    setNotices((all) => [...all.filter((n) => n.text !== text), notice].slice(-AT_MOST));
  }, []);
  const remove = useCallback((id: number) => setNotices((all) => all.filter((n) => n.id !== id)), []);
  // Not what `useTranslation` gives, all of which changes with the language: what uses `say`, the phone with its call above all, would begin anew.
  const say = useMemo<Say>(
    () => ({ done: (text) => add(text, false), failed: (error) => add(problemText(i18next.t, error), true) }),
    [add],
  );
  return (
    <SayContext.Provider value={say}>
      {children}
      <div className="notices">
        <div role="status">
          {notices.filter((n) => !n.failed).map((n) => <Line key={n.id} notice={n} remove={remove} />)}
        </div>
        <div role="alert">
          {notices.filter((n) => n.failed).map((n) => <Line key={n.id} notice={n} remove={remove} />)}
        </div>
      </div>
    </SayContext.Provider>
  );
}

function Line({ notice, remove }: { notice: Notice; remove: (id: number) => void }) {
  const { t } = useTranslation();
  useEffect(() => {
    if (notice.failed) return undefined;
    const timer = setTimeout(() => remove(notice.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice, remove]);
  return (
    <p className={notice.failed ? "notice notice-failed" : "notice"}>
      <span>{notice.text}</span>
      <button type="button" className="notice-close" aria-label={t("common.dismiss")} onClick={() => remove(notice.id)}>
        ×
      </button>
    </p>
  );
}
