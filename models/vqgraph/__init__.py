"""VQGraph: the nodes of a graph as codes of their surroundings, and an MLP that needs no graph.

"VQGraph: Rethinking Graph Representation Space for Bridging GNNs and MLPs" (Yang et al., ICLR
2024). Read `config`, then `model`; `teacher` looks at the graph by way of `propagation` and has the
codebook, `student` looks at features alone, and `learning` teaches both. `labelled` is what they
learn from, and `checks` what a graph must be.
"""
