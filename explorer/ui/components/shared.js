// Shared by the components: pictures as bitmaps, and drawing them large.

// Decode a data address; resolves to an image that draws at once, without an empty frame between.
async function decoded(uri) {
  const image = new Image()
  image.src = uri
  await image.decode()
  return image
}

// Draw one tile of a sheet over the whole canvas, bicubically: a model's pixels are few, their grid should not show.
function drawTile(canvas, image, column = 0, columns = 1, alpha = 1) {
  const context = canvas.getContext("2d")
  const width = image.naturalWidth / columns
  context.imageSmoothingEnabled = true
  context.imageSmoothingQuality = "high"
  context.globalAlpha = alpha
  context.drawImage(
    image, column * width, 0, width, image.naturalHeight, 0, 0, canvas.width, canvas.height,
  )
  context.globalAlpha = 1
}

// The state of an instance lives on its own root: the default export runs again with every change of data.
function instanceOf(root, make) {
  if (!root.__instance) root.__instance = make()
  return root.__instance
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

function typing(event) {
  const target = event.composedPath()[0]
  const text = target?.matches?.("textarea, select, [contenteditable], input:not([type=range]):not([type=checkbox])")
  return Boolean(text)
}
