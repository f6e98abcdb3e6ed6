// Tells the plane which of its messages has been dealt with. A component of its own, for what the plane itself is sent
// holds all little pictures, and changes as seldom as they do.

export default function ({ data }) {
  if (data) window.dispatchEvent(new CustomEvent("explorer-received", { detail: data }))
}
