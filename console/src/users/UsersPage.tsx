// Who may log in. For administrators.

import { Button, Menu } from "@mantine/core";
import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { User, UserChange } from "../api/types";
import { dateLocale } from "../i18n";
import { Ask } from "../parts/Ask";
import { useTitle } from "../parts/hooks";
import { useSay } from "../parts/notices";
import { Panel } from "../parts/Panel";
import { NewPasswordDialog } from "./NewPasswordDialog";
import { UserDialog } from "./UserDialog";

type Dialog = { is: "none" } | { is: "add" } | { is: "edit" | "password" | "delete"; user: User };

export function UsersPage({ me }: { me: string }) {
  const { t } = useTranslation();
  const say = useSay();
  const [users, setUsers] = useState<User[] | null>(null);
  const [dialog, setDialog] = useState<Dialog>({ is: "none" });
  const close = (): void => setDialog({ is: "none" });
  useTitle(t("users.title"), false);

  const read = useCallback(() => request<User[]>("GET", "/users").then(setUsers).catch(say.failed), [say]);
  useEffect(() => {
    void read();
  }, [read]);

  async function change(user: User, part: UserChange): Promise<void> {
    try {
      await request<User>("PATCH", `/users/${encodeURIComponent(user.name)}`, part);
      say.done(t("users.changed", { name: user.display }));
    } catch (error) {
      say.failed(error);
    }
    await read();
  }
  async function remove(user: User): Promise<void> {
    close();
    try {
      await request("DELETE", `/users/${encodeURIComponent(user.name)}`);
      say.done(t("users.deleted", { name: user.display }));
    } catch (error) {
      say.failed(error);
    }
    await read();
  }
  function saved(): void {
    close();
    void read();
  }

  const add = <Button onClick={() => setDialog({ is: "add" })}>{t("users.add")}</Button>;
  return (
    <div className="users">
      <h1 className="hidden">{t("users.title")}</h1>
      <Panel title={t("users.title")} aside={add}>
        {users === null ? <p className="note">{t("app.loading")}</p> : null}
        {users?.length === 0 ? <p className="note">{t("users.none")}</p> : null}
        {users && users.length > 0 ? (
          <UsersTable users={users} me={me} onDialog={setDialog} onDisable={(user) => void change(user, { disabled: !user.disabled })} />
        ) : null}
      </Panel>
      {dialog.is === "add" ? <UserDialog user={null} onSaved={saved} onClose={close} /> : null}
      {dialog.is === "edit" ? <UserDialog user={dialog.user} onSaved={saved} onClose={close} /> : null}
      {dialog.is === "password" ? <NewPasswordDialog user={dialog.user} onClose={close} /> : null}
      {dialog.is === "delete" ? (
        <Ask
          opened
          title={t("users.delete_sure", { name: dialog.user.display })}
          text={t("users.delete_text")}
          confirm={t("users.delete")}
          onConfirm={() => void remove(dialog.user)}
          onClose={close}
        />
      ) : null}
    </div>
  );
}

interface TableProps {
  users: readonly User[];
  me: string;
  onDialog: (dialog: Dialog) => void;
  onDisable: (user: User) => void;
}

function UsersTable({ users, me, onDialog, onDisable }: TableProps) {
  const { t } = useTranslation();
  const date = new Intl.DateTimeFormat(dateLocale(), { dateStyle: "medium", timeStyle: "short" });
  return (
    <div className="table-box" role="region" aria-label={t("users.title")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("users.display")}</th>
            <th scope="col">{t("users.name")}</th>
            <th scope="col">{t("users.role")}</th>
            <th scope="col">{t("users.agent")}</th>
            <th scope="col">{t("users.language")}</th>
            <th scope="col">{t("users.last_login")}</th>
            <th scope="col">{t("users.state")}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.name} className={user.disabled ? "row-off" : undefined}>
              <th scope="row">
                {user.display} {user.name === me ? <span className="chip">{t("users.you")}</span> : null}
              </th>
              <td className="mono">{user.name}</td>
              <td>{t(`role.${user.role}`)}</td>
              <td>{user.agent ?? <span className="note">{t("users.no_agent")}</span>}</td>
              <td>{user.language ? t(`language.${user.language}`) : <span className="note">{t("users.language_any")}</span>}</td>
              <td>{user.last_login ? date.format(new Date(user.last_login)) : <span className="note">{t("users.never")}</span>}</td>
              <td>{user.disabled ? t("users.disabled") : t("users.active")}</td>
              <td className="row-acts">
                <Menu withInitialFocusPlaceholder={false} position="bottom-end" withinPortal>
                  <Menu.Target>
                    <button type="button" className="small" aria-label={t("users.actions", { name: user.display })}>
                      ⋯
                    </button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => onDialog({ is: "edit", user })}>{t("users.edit")}</Menu.Item>
                    <Menu.Item onClick={() => onDialog({ is: "password", user })}>{t("users.new_password")}</Menu.Item>
                    {user.name === me ? null : (
                      <>
                        <Menu.Item onClick={() => onDisable(user)}>{user.disabled ? t("users.enable") : t("users.disable")}</Menu.Item>
                        <Menu.Item className="menu-danger" onClick={() => onDialog({ is: "delete", user })}>
                          {t("users.delete")}
                        </Menu.Item>
                      </>
                    )}
                  </Menu.Dropdown>
                </Menu>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
