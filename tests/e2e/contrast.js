// Every piece of text that is less readable than WCAG's AA asks for: a contrast of 4.5 to 1, of 3 to 1 where it is large.
() => {
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = 1
  const context = canvas.getContext("2d", { willReadFrequently: true })
  const known = new Map()
  const rgba = (color) => {
    if (!known.has(color)) {
      context.clearRect(0, 0, 1, 1)
      context.fillStyle = color
      context.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data
      known.set(color, [r, g, b, a / 255])
    }
    return known.get(color)
  }
  const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a))
  const parent = (node) => node.parentElement ?? node.getRootNode().host ?? null
  const page = rgba(getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor).slice(0, 3)
  // The colours that lie under a point; what stands out of its parent does not lie on it.
  const ground = (node, x, y) => {
    if (!node) return page
    const box = node.getBoundingClientRect()
    const under = x >= box.left && x <= box.right && y >= box.top && y <= box.bottom
    const color = under ? rgba(getComputedStyle(node).backgroundColor) : [0, 0, 0, 0]
    return color[3] === 1 ? color.slice(0, 3) : over(color, ground(parent(node), x, y))
  }
  // What is shown only under the mouse is as good as shown.
  const opacity = (node) => (node ? (Number(getComputedStyle(node).opacity) || 1) * opacity(parent(node)) : 1)
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
  }
  // Disabled controls are exempt, and words on a picture have a ground of their own that this does not see.
  const exempt = "[disabled], [aria-disabled='true'], [data-disabled], [aria-hidden='true'], .stage, .tip, .unseen"
  const within = (node) => Boolean(node) && (node.matches(exempt) || within(parent(node)))
  const found = []
  const look = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) look(node.shadowRoot)
      const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim()
      if (!text || !node.checkVisibility({ visibilityProperty: true }) || within(node)) continue
      const style = getComputedStyle(node)
      const [r, g, b, a] = rgba(style.color)
      const { left, top, width, height } = node.getBoundingClientRect()
      const under = ground(node, left + width / 2, top + height / 2)
      const seen = ratio(over([r, g, b, a * opacity(node)], under), under)
      const size = parseFloat(style.fontSize)
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
      if (seen < (large ? 3 : 4.5)) found.push(`${seen.toFixed(2)} "${text.slice(0, 40)}" ${style.color} <${node.localName}>`)
    }
  }
  look(document)
  return [...new Set(found)]
}
