"""A button that copies a text as it is: not as the page has drawn it, and without its Markdown lost."""

from functools import cache
from typing import TYPE_CHECKING

from streamlit.components.v2 import component

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_HTML = """
<button type="button">
  <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d="M9 9h10v11H9zM15 9V4H5v11h4" />
  </svg>
  <span class="label"></span>
</button>
<span class="said" role="status"></span>
"""

# The colours of the theme come from the page (`--st-…`), light or dark.
_CSS = """
button {
  display: inline-flex;
  align-items: center;
  gap: 0.375rem;
  min-height: 2.5rem;
  margin: 0;
  padding: 0.25rem 0;
  border: none;
  border-radius: var(--st-button-radius);
  background: transparent;
  color: var(--st-text-color);
  font: inherit;
  font-family: var(--st-font);
  font-size: 0.875rem;
  line-height: 1.6;
  white-space: nowrap;
  cursor: pointer;
}
button:hover, button:active { color: var(--st-primary-color); }
button:focus { outline: none; }
button:focus-visible { outline: 0.1875rem solid color-mix(in srgb, var(--st-primary-color) 50%, transparent); }
svg {
  width: 1rem;
  height: 1rem;
  flex: none;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.75;
  stroke-linejoin: round;
}
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
"""

# Streamlit runs the default function whenever `data` changes, and what it has returned last when the button goes. The
# module itself is loaded once in a page: what is outside of the function is shared by all its buttons.
_JS = r"""
const SAID_FOR_MS = 2000;
const shown = new WeakMap();
const reachedByKey = new Set();

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No such object over plain HTTP, or no permission.
    return copyBySelecting(text);
  }
}

function copyBySelecting(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.setAttribute("aria-hidden", "true");
  area.style.cssText = "position: fixed; inset: 0 auto auto 0; width: 1px; height: 1px; opacity: 0;";
  const focused = deepestFocus();
  document.body.appendChild(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
    focused?.focus({ preventScroll: true });
  }
}

function deepestFocus() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}

async function press(button) {
  const state = shown.get(button);
  if (!(await copy(state.data.text))) return;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => { state.timer = undefined; show(button); }, SAID_FOR_MS);
  show(button);
}

function show(button) {
  const { data, timer } = shown.get(button);
  const label = timer === undefined ? data.label : data.done;
  button.querySelector(".label").textContent = label;
  button.setAttribute("aria-label", label);
  button.getRootNode().querySelector(".said").textContent = timer === undefined ? "" : data.done;
  if (data.shortcut) button.setAttribute("aria-keyshortcuts", "Alt+Shift+C");
  else button.removeAttribute("aria-keyshortcuts");
}

function onKey(event) {
  // 229 is what a key is called that an input method has taken.
  if (event.isComposing || event.keyCode === 229 || event.repeat) return;
  if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
  // On a Mac these keys type "Ç"; on other layouts C stands elsewhere.
  if (event.code !== "KeyC" && event.key.toLowerCase() !== "c") return;
  const last = [...reachedByKey].filter((button) => button.isConnected).reduce(later, undefined);
  if (last === undefined) return;
  event.preventDefault();
  press(last);
}

function later(one, other) {
  if (one === undefined) return other;
  const order = one.getRootNode().host.compareDocumentPosition(other.getRootNode().host);
  return order & Node.DOCUMENT_POSITION_FOLLOWING ? other : one;
}

function reachByKey(button, wanted) {
  if (wanted) reachedByKey.add(button);
  else reachedByKey.delete(button);
  // Added again it is still one listener.
  if (reachedByKey.size > 0) document.addEventListener("keydown", onKey, true);
  else document.removeEventListener("keydown", onKey, true);
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  shown.set(button, { ...shown.get(button), data });
  button.onclick = () => press(button);
  show(button);
  reachByKey(button, data.shortcut);
  return () => {
    clearTimeout(shown.get(button)?.timer);
    reachByKey(button, false);
  };
}
"""


def copy_button(text: str, *, label: str, done: str, key: str, shortcut: bool = False) -> None:
    """Draw a button that says `label`, copies `text` when it is pressed, and then says `done` for two seconds.

    Nothing of it reaches the script. With `shortcut` the keys Alt+Shift+C press it too: of several such buttons the
    last one on the page.
    """
    data = {"text": text, "label": label, "done": done, "shortcut": shortcut}
    _component()(key=key, data=data, width="content")


@cache
def _component() -> "ComponentRenderer":
    """Registered once in the process. Nothing of a session is in it: what differs goes through `data`."""
    return component("oca_copy_button", html=_HTML, css=_CSS, js=_JS)
