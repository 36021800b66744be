//! nginx with the plainest configuration that does the job: `bench/nginx.conf`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Calls, Running, free_port};
use crate::bench::process::{PROXY_CORE, Process};
use crate::bench::{request, stand_in};
use crate::failed::{Failed, Trying as _};

const TEMPLATE: &str = include_str!("../../../../bench/nginx.conf");

/// An nginx between the load and the stand-in.
#[derive(Debug)]
pub(in crate::bench) struct Nginx {
    name: &'static str,
    upstream: u16,
    tokens: Vec<String>,
}

impl Nginx {
    pub(in crate::bench) fn new(name: &'static str, upstream: u16, tokens: usize) -> Self {
        // As long as Keystead's, so that requests are of one size.
        let token = |number| format!("kst1_{number:043}_00000000");
        Self {
            name,
            upstream,
            tokens: (0..tokens).map(token).collect(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn start(&self, folder: &Path) -> Result<Running, Failed> {
        let folder = folder.join(self.name);
        fs::create_dir_all(&folder).trying(folder.display())?;
        let port = free_port()?;
        let configuration = TEMPLATE
            .replace("{folder}", &folder.display().to_string())
            .replace("{port}", &port.to_string())
            .replace("{upstream}", &self.upstream.to_string())
            .replace("{key}", stand_in::KEY);
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).trying(file.display())?;

        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(&folder).arg("-c").arg(&file);
        let process = Process::start(&nginx, PROXY_CORE, &folder.join("stderr"))?;
        let calls = Calls {
            path: request::PATH.to_owned(),
            limited_path: request::PATH.to_owned(),
            tokens: self.tokens.clone(),
        };
        Ok(Running::of(process, port, calls))
    }
}
