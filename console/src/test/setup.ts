import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { startI18n } from "../i18n";

// Machines that do other things at the same time are slow.
configure({ asyncUtilTimeout: 5000 });

beforeEach(async () => {
  localStorage.setItem("hotline.language", "en");
  await startI18n();
});
afterEach(() => {
  cleanup();
  localStorage.clear();
});
