//! Reads what callgrind writes with `--dump-instr=yes --dump-line=no`: what each instruction cost,
//! function by function, and what was called from where.

use std::collections::HashMap;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) functions: Vec<Function>,
}

/// One function as it lies in a program or a library, with what the compiler put into it.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub(super) name: String,
    /// The file of the program or library.
    pub(super) object: String,
    /// Instructions by address, without those of called functions.
    pub(super) costs: Vec<(u64, u64)>,
    pub(super) calls: Vec<Call>,
}

/// All calls of one function from one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The address of the call.
    pub(super) at: u64,
    /// The place of the called one in [`Profile::functions`].
    pub(super) to: usize,
    /// What it cost, with everything that it called in turn.
    pub(super) cost: u64,
}

impl Profile {
    /// Lines that say anything else are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut profile = Self::default();
        let (mut objects, mut places) = (HashMap::new(), HashMap::new());
        let mut object = String::new();
        let (mut current, mut callee, mut is_call) = (0, 0, false);
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("ob=") {
                let (number, name) = numbered(name);
                object = objects.entry(number).or_insert(name).to_string();
            } else if let Some(name) = line.strip_prefix("cob=") {
                let (number, name) = numbered(name);
                objects.entry(number).or_insert(name);
            } else if let Some(name) = line.strip_prefix("fn=") {
                current = profile.place(&mut places, name);
                profile.functions[current].object.clone_from(&object);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = profile.place(&mut places, name);
            } else if line.starts_with("calls=") {
                is_call = true;
            } else if let Some((at, cost)) = cost(line) {
                let function = &mut profile.functions[current];
                if std::mem::take(&mut is_call) {
                    let to = callee;
                    function.calls.push(Call { at, to, cost });
                } else {
                    function.costs.push((at, cost));
                }
            }
        }
        profile
    }

    /// Where a function stands; its name comes with its number where it is first spoken of.
    fn place<'a>(&mut self, places: &mut HashMap<&'a str, usize>, name: &'a str) -> usize {
        let (number, name) = numbered(name);
        *places.entry(number).or_insert_with(|| {
            self.functions.push(Function {
                name: name.to_owned(),
                ..Function::default()
            });
            self.functions.len() - 1
        })
    }
}

fn numbered(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}

fn cost(line: &str) -> Option<(u64, u64)> {
    let (at, cost) = line.strip_prefix("0x")?.split_once(' ')?;
    Some((u64::from_str_radix(at, 16).ok()?, cost.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_stand_with_their_function_and_calls_beside_them() {
        let dump = "positions: instr\nevents: Ir\n\n\
            ob=(1) /k/keystead\nfl=(1) a.rs\nfn=(1) one\n0x10 7\n\
            cob=(2) /lib/libc.so\ncfn=(2) memcpy\ncalls=3 0x500\n0x14 90\n0x18 2\n\n\
            ob=(2)\nfn=(2)\n0x500 90\n\nob=(1)\nfn=(1)\n0x20 1\ntotals: 100\n";

        let profile = Profile::parse(dump);

        let [one, copy] = &profile.functions[..] else {
            panic!("{profile:?}")
        };
        assert_eq!(one.name, "one");
        assert_eq!(one.object, "/k/keystead");
        assert_eq!(one.costs, [(0x10, 7), (0x18, 2), (0x20, 1)]);
        let [Call { at, to, cost }] = one.calls[..] else {
            panic!("{one:?}")
        };
        assert_eq!((at, to, cost), (0x14, 1, 90));
        assert_eq!(copy.object, "/lib/libc.so");
    }
}
