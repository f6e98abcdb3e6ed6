// Passes an acknowledgement of the server to the other components of the page. It is a component of its own because their
// data holds pictures and is sent again only when it changes.

export default function ({ data }) {
  if (data) window.dispatchEvent(new CustomEvent("explorer-received", { detail: data }))
}
