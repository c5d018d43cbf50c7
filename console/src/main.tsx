import "@mantine/core/styles.css";
import "./styles/base.css";
import "./styles/desk.css";
import "./styles/pages.css";
import { MantineProvider } from "@mantine/core";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { takeSetupToken } from "./entry/token";
import { startI18n } from "./i18n";
import { theme, variables } from "./theme";

// Before anything is drawn, so that the token is in the address bar and the history for as short a time as possible.
const setupToken = takeSetupToken();

await startI18n();
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <App setupToken={setupToken} />
    </MantineProvider>
  </StrictMode>,
);
