// Colours with enough contrast for WCAG AA in light and dark, and the fonts of the system: nothing is fetched from elsewhere.

import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const pine: MantineColorsTuple = [
  "#e8f7f5",
  "#cfece8",
  "#9fd9d1",
  "#6cc5b9",
  "#3fafa2",
  "#1f968a",
  "#117d73",
  "#0b6b63",
  "#08574f",
  "#05423c",
];

export const theme = createTheme({
  colors: { pine },
  primaryColor: "pine",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: "650" },
});

/** Mantine's pale greys are too pale for small text, and its red for errors too bright. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#55606b",
    "--mantine-color-placeholder": "#5f6a75",
    "--mantine-color-error": "#b3261e",
  },
  dark: {
    "--mantine-color-dimmed": "#b4bcc4",
    "--mantine-color-placeholder": "#a6aeb6",
    "--mantine-color-error": "#ff9b94",
  },
});
