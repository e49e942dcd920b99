/** The checks of `polypilot/doctor` as a page. Pure. */
import type { Found } from "./find";

export interface Check {
  readonly check: string;
  readonly ok: boolean | null;
  readonly detail?: string | null;
  readonly cure?: string | null;
}

export function checksText(checks: readonly Check[], found: Found | undefined): string {
  const lines = checks.flatMap((each) => {
    const sign = each.ok === true ? "✓" : each.ok === false ? "✗" : "?";
    const cure = each.ok !== true && each.cure ? [`  - ${oneLine(each.cure)}`] : [];
    return [`- ${sign} ${oneLine(each.check)}: ${oneLine(each.detail ?? "")}`, ...cure];
  });
  const program = found === undefined ? "not found" : `${found.command} (${found.source})`;
  return ["# Polypilot: checks", "", `Program: ${program}`, "", ...lines, ""].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}
