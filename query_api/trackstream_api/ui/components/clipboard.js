// Put text on the clipboard, also where a page without TLS may not use the newer way; says whether it worked.
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.style.cssText = "position:fixed;top:0;left:0;opacity:0";
    // Within an open dialog the focus may not leave it.
    (document.activeElement?.closest("dialog, .q-dialog") ?? document.body).append(field);
    field.select();
    try {
      return document.execCommand("copy");
    } finally {
      field.remove();
    }
  }
}
