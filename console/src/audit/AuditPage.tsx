// Who did what and when: who listened to whom, who logged in or tried to, who changed whose rights. The gateway writes it, nobody can change it.

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { AuditEntry } from "../api/types";
import { dateLocale } from "../i18n";
import { useTitle } from "../parts/hooks";
import { useSay } from "../parts/notices";
import { Panel } from "../parts/Panel";
import { actionText, subjectText } from "./words";

/** What can be asked for at once, with the gateway's words for it. */
const KINDS = {
  all: [],
  listening: ["listened"],
  logins: ["login", "login_failed", "logout", "logout_everywhere", "password_changed", "password_change_failed", "setup_done", "setup_failed"],
  users: ["user_added", "user_changed", "user_removed"],
  calls: ["abuse_warn", "abuse_supervisor", "abuse_end", "robot_wrong", "presence_set"],
} as const;
type Kind = keyof typeof KINDS;
const isKind = (name: string): name is Kind => Object.hasOwn(KINDS, name);

const AT_ONCE = 50;

export function AuditPage() {
  const { t } = useTranslation();
  const say = useSay();
  const [kind, setKind] = useState<Kind>("all");
  const [typed, setTyped] = useState("");
  const [user, setUser] = useState("");
  const [entries, setEntries] = useState<AuditEntry[] | null>(null);
  const [more, setMore] = useState(false);
  const asked = useRef(0);
  useTitle(t("audit.title"), false);

  const read = useCallback(
    async (before: AuditEntry | null) => {
      asked.current += 1;
      const turn = asked.current;
      const query = new URLSearchParams({ limit: String(AT_ONCE), actions: KINDS[kind].join(","), user });
      if (before) query.set("before", String(before.id));
      try {
        const page = await request<AuditEntry[]>("GET", `/audit?${query.toString()}`);
        // Asked for something else meanwhile.
        if (turn !== asked.current) return;
        setEntries((now) => (before && now ? [...now, ...page] : page));
        setMore(page.length === AT_ONCE);
      } catch (error) {
        say.failed(error);
      }
    },
    [kind, user, say],
  );
  useEffect(() => {
    void read(null);
  }, [read]);

  function search(event: FormEvent): void {
    event.preventDefault();
    if (typed.trim() === user) void read(null);
    else setUser(typed.trim());
  }

  const oldest = entries?.at(-1);
  return (
    <div className="audit">
      <h1 className="hidden">{t("audit.title")}</h1>
      <Panel title={t("audit.title")}>
        <p className="note audit-lead">{t("audit.lead")}</p>
        <form className="audit-search" onSubmit={search}>
          <NativeSelect
            label={t("audit.kind")}
            value={kind}
            onChange={(event) => isKind(event.currentTarget.value) && setKind(event.currentTarget.value)}
            data={(Object.keys(KINDS) as Kind[]).map((name) => ({ value: name, label: t(`audit.kind_${name}`) }))}
          />
          <TextInput
            label={t("audit.user")}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
          />
          <Button type="submit" variant="default">
            {t("audit.search")}
          </Button>
        </form>
        {entries === null ? <p className="note">{t("app.loading")}</p> : null}
        {entries?.length === 0 ? (
          <p className="note" role="status">
            {t("audit.none")}
          </p>
        ) : null}
        {entries && entries.length > 0 ? <AuditTable entries={entries} /> : null}
        {more && oldest ? (
          <Button className="audit-more" variant="default" onClick={() => void read(oldest)}>
            {t("audit.older")}
          </Button>
        ) : null}
      </Panel>
    </div>
  );
}

function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  const { t } = useTranslation();
  const date = new Intl.DateTimeFormat(dateLocale(), { dateStyle: "medium", timeStyle: "medium" });
  return (
    <div className="table-box" role="region" aria-label={t("audit.title")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("audit.when")}</th>
            <th scope="col">{t("audit.who")}</th>
            <th scope="col">{t("audit.what")}</th>
            <th scope="col">{t("audit.about")}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td>{date.format(new Date(entry.at))}</td>
              <th scope="row">{entry.user ?? <span className="note">{t("audit.nobody")}</span>}</th>
              <td className={entry.action.endsWith("_failed") ? "audit-failed" : undefined}>{actionText(t, entry.action)}</td>
              <td className="audit-about">{subjectText(t, entry)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
