// How merges make a token, as a drawing: leaves in the order of the text, each merge above its halves.

const TREE = { letter: 8.4, padding: 16, gap: 10, height: 26, level: 46, most: 96 };

function mergeTree(vocabulary, id, label) {
  const leaves = [];
  let drawn = 0;
  const grow = (token) => {
    const node = { token, label: label(token) };
    node.width = TREE.padding + TREE.letter * [...node.label].length;
    const isWhole = vocabulary.left[token] < 0 || ++drawn > TREE.most;
    node.halves = isWhole ? [] : [vocabulary.left[token], vocabulary.right[token]].map(grow);
    node.height = isWhole ? 0 : 1 + Math.max(...node.halves.map((half) => half.height));
    if (isWhole) leaves.push(node);
    return node;
  };
  const root = grow(id);
  spreadOut(root, 0);
  const levels = root.height;
  const width = Math.max(...everyNode(root).map((node) => node.x + node.width / 2)) + 2;
  const height = levels * TREE.level + TREE.height + 4;
  const y = (node) => 2 + (levels - node.height) * TREE.level;
  const parts = [];
  for (const node of everyNode(root)) {
    for (const half of node.halves) {
      parts.push(drawing("path", { class: "edge", d: `M${node.x} ${y(node) + TREE.height} L${half.x} ${y(half)}` }));
    }
  }
  for (const node of everyNode(root)) parts.push(treeNode(vocabulary, node, y(node)));
  const title = drawing("title");
  title.textContent = `The merges that make “${root.label}”, from ${plural(leaves.length, "part")}`;
  return drawing("svg", { class: "tree", role: "img", width, height, viewBox: `0 0 ${width} ${height}` }, title, ...parts);
}

// Gives each node the x of its middle; returns where the next one may begin.
function spreadOut(node, left) {
  if (!node.halves.length) {
    node.x = left + node.width / 2;
    return left + node.width + TREE.gap;
  }
  const end = node.halves.reduce((at, half) => spreadOut(half, at), left);
  const [first, second] = node.halves;
  node.x = (first.x + second.x) / 2;
  const missing = left - (node.x - node.width / 2);
  if (missing > 0) shift(node, missing);
  return Math.max(end + Math.max(missing, 0), node.x + node.width / 2 + TREE.gap);
}

function shift(node, by) {
  node.x += by;
  for (const half of node.halves) shift(half, by);
}

const everyNode = (node) => [node, ...node.halves.flatMap(everyNode)];

function treeNode(vocabulary, node, y) {
  const rank = vocabulary.rank[node.token];
  const title = drawing("title");
  title.textContent = rank < 0 ? `token ${node.token}` : `token ${node.token}, merge ${grouped(rank + 1)}`;
  const box = drawing("rect", { x: node.x - node.width / 2, y, width: node.width, height: TREE.height, rx: 5 });
  const text = drawing("text", { x: node.x, y: y + 17.5 });
  text.textContent = node.label;
  const link = drawing("a", { href: `#token-${node.token}`, class: node.halves.length ? "made" : "leaf" });
  link.append(title, box, text);
  return link;
}
