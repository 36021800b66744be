//! Which members of a JSON document matter, as a tree that is walked beside the document.
//!
//! Paths are written `usage.prompt_tokens` and `choices[].message.content`. The inspector of
//! request bodies hangs rules on them, the scanner of answers hangs units; both go down the tree
//! as they go down the document, so that a member nobody asked about costs one look.

/// A tree of member names with a `T` at some of its places.
#[derive(Debug)]
pub(crate) struct FieldTree<T> {
    nodes: Vec<Node<T>>,
}

/// A place in a [`FieldTree`]. Small, because every open answer holds a stack of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NodeId(u16);

impl NodeId {
    /// Where the document itself stands.
    pub(crate) const ROOT: Self = Self(0);

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[derive(Debug)]
struct Node<T> {
    members: Vec<(&'static str, NodeId)>,
    elements: Option<NodeId>,
    here: Vec<T>,
}

impl<T> FieldTree<T> {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::new()],
        }
    }

    /// Hangs `what` on the place that `path` names.
    pub(crate) fn insert(&mut self, path: &'static str, what: T) {
        let mut at = NodeId::ROOT;
        for segment in path.split('.') {
            let name = segment.trim_end_matches("[]");
            if !name.is_empty() {
                at = self.step(at, Some(name));
            }
            for _ in 0..(segment.len() - name.len()) / 2 {
                at = self.step(at, None);
            }
        }
        self.nodes[at.index()].here.push(what);
    }

    /// The place of `name` in the object at `at`.
    pub(crate) fn member(&self, at: NodeId, name: impl AsRef<[u8]>) -> Option<NodeId> {
        let name = name.as_ref();
        let members = &self.nodes[at.index()].members;
        let found = members.iter().find(|(own, _)| own.as_bytes() == name);
        found.map(|(_, node)| *node)
    }

    /// The place of the elements of the array at `at`.
    pub(crate) fn elements(&self, at: NodeId) -> Option<NodeId> {
        self.nodes[at.index()].elements
    }

    /// What hangs here.
    pub(crate) fn here(&self, at: NodeId) -> &[T] {
        &self.nodes[at.index()].here
    }

    /// Everything that hangs anywhere.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().flat_map(|node| &node.here)
    }

    /// Whether anything below could matter.
    pub(crate) fn is_leaf(&self, at: NodeId) -> bool {
        let node = &self.nodes[at.index()];
        node.members.is_empty() && node.elements.is_none()
    }

    /// The name of a member as the tree spells it.
    pub(crate) fn spelling(&self, at: NodeId, name: &str) -> Option<&'static str> {
        let members = &self.nodes[at.index()].members;
        let found = members.iter().find(|(own, _)| *own == name);
        found.map(|(own, _)| *own)
    }

    fn step(&mut self, at: NodeId, name: Option<&'static str>) -> NodeId {
        let known = match name {
            Some(name) => self.member(at, name),
            None => self.elements(at),
        };
        known.unwrap_or_else(|| {
            let new = u16::try_from(self.nodes.len()).expect("a data file has no 65,536 places");
            let new = NodeId(new);
            self.nodes.push(Node::new());
            match name {
                Some(name) => self.nodes[at.index()].members.push((name, new)),
                None => self.nodes[at.index()].elements = Some(new),
            }
            new
        })
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Self {
            members: Vec::new(),
            elements: None,
            here: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_where_it_was_hung() {
        let mut tree = FieldTree::new();
        tree.insert("usage.total", 1);
        tree.insert("data[].items[][].n", 2);
        tree.insert("usage", 3);
        let usage = tree.member(NodeId::ROOT, "usage").unwrap();
        assert_eq!(tree.here(usage), [3]);
        assert_eq!(tree.here(tree.member(usage, "total").unwrap()), [1]);
        let data = tree.member(NodeId::ROOT, "data").unwrap();
        let items = tree.member(tree.elements(data).unwrap(), "items").unwrap();
        let deepest = tree.elements(tree.elements(items).unwrap()).unwrap();
        let n = tree.member(deepest, "n").unwrap();
        assert_eq!(tree.here(n), [2]);
        assert!(tree.is_leaf(n) && !tree.is_leaf(items));
        assert_eq!(tree.member(usage, "prompt"), None);
    }
}
