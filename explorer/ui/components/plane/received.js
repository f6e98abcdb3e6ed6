// Passes the acknowledgement of a message to the plane. It is a component of its own because the plane's data holds all
// thumbnails and is sent again only when they change.

export default function ({ data }) {
  if (data) window.dispatchEvent(new CustomEvent("explorer-received", { detail: data }))
}
