// Who is here: nobody yet (set-up, login) or a session. Pages of a session are in `Shell`.

import { Button } from "@mantine/core";
import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, request, whenSessionLost } from "./api/http";
import type { Session } from "./api/types";
import { EntryFrame } from "./entry/EntryFrame";
import { LoginPage } from "./entry/LoginPage";
import { SetupPage } from "./entry/SetupPage";
import { switchLanguage } from "./i18n";
import { Notices } from "./parts/notices";
import { problemText } from "./parts/problems";
import { Shell } from "./Shell";

type Here =
  | { is: "asking" }
  | { is: "unreachable"; error: unknown }
  | { is: "setup" }
  | { is: "login"; ended: boolean }
  | { is: "in"; session: Session };

export function App({ setupToken }: { setupToken: string | null }) {
  const { t } = useTranslation();
  const [here, setHere] = useState<Here>({ is: "asking" });

  const enter = useCallback((session: Session) => {
    if (session.user.language) void switchLanguage(session.user.language);
    setHere({ is: "in", session });
  }, []);
  const leave = useCallback((ended: boolean) => setHere({ is: "login", ended }), []);

  const ask = useCallback(async () => {
    setHere({ is: "asking" });
    try {
      enter(await request<Session>("GET", "/session"));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) {
        setHere({ is: "unreachable", error });
        return;
      }
      try {
        const { needed } = await request<{ needed: boolean }>("GET", "/setup");
        setHere(needed ? { is: "setup" } : { is: "login", ended: false });
      } catch (failed) {
        setHere({ is: "unreachable", error: failed });
      }
    }
  }, [enter]);

  useEffect(() => {
    void ask();
  }, [ask]);
  // Only somebody who was in can be told that they were logged out.
  useEffect(() => whenSessionLost(() => setHere((now) => (now.is === "in" ? { is: "login", ended: true } : now))), []);

  switch (here.is) {
    case "asking":
      return (
        <p className="loading" role="status">
          {t("app.loading")}
        </p>
      );
    case "unreachable":
      return (
        <EntryFrame title={t("link.closed")}>
          <p role="alert">{problemText(t, here.error)}</p>
          <Button onClick={() => void ask()}>{t("common.try_again")}</Button>
        </EntryFrame>
      );
    case "setup":
      return <SetupPage token={setupToken} onDone={enter} onNotNeeded={() => leave(false)} />;
    case "login":
      return <LoginPage ended={here.ended} onLogin={enter} />;
    case "in":
      // Notices are the session's, too: the next one to log in has not done what they tell of.
      return (
        <Notices key={here.session.user.name}>
          <Shell session={here.session} onLeft={leave} />
        </Notices>
      );
  }
}
