// Around every page of a session: the one live connection, navigation, language, account, and the banner when the connection is lost.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { request } from "./api/http";
import { isLost } from "./api/link";
import { Live } from "./api/live";
import type { Language, Session } from "./api/types";
import { AuditPage } from "./audit/AuditPage";
import { DeskPage } from "./desk/DeskPage";
import { AccountMenu } from "./parts/AccountMenu";
import { ConnectionBanner } from "./parts/ConnectionBanner";
import { LanguageSwitch } from "./parts/LanguageSwitch";
import { PasswordDialog } from "./parts/PasswordDialog";
import { BAR_EXTRA } from "./parts/InBar";
import { useSay } from "./parts/notices";
import { Softphone } from "./phone/softphone";
import { pagesOf, usePage } from "./route";
import { UsersPage } from "./users/UsersPage";
import { WallPage } from "./wall/WallPage";

export function Shell({ session, onLeft }: { session: Session; onLeft: (ended: boolean) => void }) {
  const { t } = useTranslation();
  const say = useSay();
  const [password, setPassword] = useState(false);
  const live = useMemo(() => new Live(() => onLeft(true)), [onLeft]);
  const state = useSyncExternalStore(live.subscribe, live.snapshot);
  const phone = useMemo(() => new Softphone(say.failed), [say]);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  // Here and not at the desk, so that a call goes on while another page is looked at.
  useEffect(() => {
    phone.start();
    return () => phone.stop();
  }, [phone]);
  useEffect(() => phone.follow(state.desk), [phone, state.desk]);

  const pages = pagesOf(session);
  const asked = usePage();
  const page = asked ?? pages[0] ?? null;
  const allowed = page !== null && pages.includes(page);

  function remember(language: Language): void {
    request("PATCH", "/session", { language }).catch(say.failed);
  }

  async function logOut(everywhere: boolean): Promise<void> {
    try {
      await request("DELETE", everywhere ? "/session?everywhere=true" : "/session");
      live.stop();
      onLeft(false);
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <div className="shell">
      <a className="skip" href="#content" onClick={skipToContent}>
        {t("app.skip")}
      </a>
      <header className="bar">
        <span className="brand">
          <img src="./icon.svg" alt="" width="26" height="26" />
          <span className="brand-name">{t("app.name")}</span>
        </span>
        <nav aria-label={t("nav.label")}>
          {pages.map((name) => (
            <a key={name} href={`#/${name}`} aria-current={name === page ? "page" : undefined}>
              {t(`nav.${name}`)}
            </a>
          ))}
        </nav>
        <span className="bar-space" />
        <span id={BAR_EXTRA} />
        <LanguageSwitch onSwitch={remember} />
        <AccountMenu session={session} onPassword={() => setPassword(true)} onLogOut={(all) => void logOut(all)} />
      </header>
      <ConnectionBanner link={state.link} desk={state.desk} heardAt={state.heardAt} onTryNow={live.tryNow} />
      <main id="content" tabIndex={-1}>
        {allowed && page === "desk" ? <DeskPage live={live} phone={phone} desk={state.desk} lost={isLost(state.link)} /> : null}
        {allowed && page === "wall" ? <WallPage live={live} wall={state.wall} /> : null}
        {allowed && page === "users" ? <UsersPage me={session.user.name} /> : null}
        {allowed && page === "audit" ? <AuditPage /> : null}
        {allowed ? null : <NotYours desk={page === null || page === "desk"} />}
      </main>
      {password ? <PasswordDialog onClose={() => setPassword(false)} /> : null}
    </div>
  );
}

/** The fragment is the page's address, so the skip link moves the focus by itself. */
function skipToContent(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function NotYours({ desk }: { desk: boolean }) {
  const { t } = useTranslation();
  return (
    <div className="not-yours">
      <h1>{desk ? t("no_page.no_agent") : t("no_page.not_allowed")}</h1>
      <p>{desk ? t("no_page.no_agent_lead") : t("no_page.not_allowed_lead")}</p>
    </div>
  );
}
