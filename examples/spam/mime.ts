// A mail's readable text: subject and body with their transfer encodings undone and HTML taken out.

/** A mail's parts that a reader sees. */
export interface MailText {
  readonly subject: string;
  readonly body: string;
}

/** Reads a mail as it is sent; a text without headers is all body. */
export function readMail(source: string): MailText {
  if (!/^(?:From |[\w-]+:)/.test(source)) return { subject: "", body: plainText(source) };
  const { headers, body } = split(source);
  return { subject: field(headers, "subject"), body: plainText(decode(headers, body)) };
}

/** Headers end at the first empty line. */
function split(source: string): { headers: string; body: string } {
  const end = source.search(/\r?\n\r?\n/);
  return end < 0
    ? { headers: source, body: "" }
    : { headers: source.slice(0, end), body: source.slice(end).trimStart() };
}

/** One header, its folded lines joined; empty where there is none. */
function field(headers: string, name: string): string {
  const found = new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, "im").exec(headers);
  return found?.[1]?.replace(/\s+/g, " ") ?? "";
}

/** The text of a body, of all its parts where it has several. */
function decode(headers: string, body: string): string {
  const type = field(headers, "content-type");
  const boundary = /boundary="?([^";]+)/i.exec(type)?.[1]?.trim();
  if (boundary !== undefined) {
    const parts = body
      .split(`--${boundary}`)
      .slice(1)
      .map((part) => split(part.trimStart()));
    return parts.map((part) => decode(part.headers, part.body)).join("\n");
  }
  if (!/^(?:text\/|$)/i.test(type)) return "";
  const encoding = field(headers, "content-transfer-encoding").toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("latin1");
  if (encoding !== "quoted-printable") return body;
  return body
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The text between the tags of HTML; text without tags stays as it is. */
const plainText = (text: string): string =>
  text
    .replace(/<(style|script)\b[\s\S]*?<\/\1\s*>/gi, " ")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<\/?[a-z][^>]*>/gi, " ")
    .replace(/&(?:nbsp|#160);?/gi, " ");
