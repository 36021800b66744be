//! The threads of the data plane: one a core, each with a runtime of its own.

use std::{io, net::SocketAddr, sync::Arc, thread::JoinHandle};

use tokio::runtime::{Builder, LocalOptions};

use crate::proxy::{Listening, Plane, bind, listen};

/// The running threads.
#[derive(Debug)]
pub(super) struct DataPlane {
    threads: Vec<JoinHandle<()>>,
    /// Where they listen; with port 0 in the configuration, the one that the kernel chose.
    pub(super) address: SocketAddr,
}

impl DataPlane {
    /// Binds one socket a thread, and then starts them, so that a taken address is an error of
    /// the start and not of a thread.
    pub(super) fn start(
        plane: &Arc<Plane>,
        mut listening: Listening,
        threads: usize,
    ) -> io::Result<Self> {
        let sockets = bind(listening.address, threads)?;
        let address = sockets[0].local_addr()?;
        listening.address = address;
        let threads = sockets
            .into_iter()
            .enumerate()
            .map(|(number, socket)| {
                let (plane, listening) = (plane.clone(), listening.clone());
                std::thread::Builder::new()
                    .name(format!("proxy-{number}"))
                    .spawn(move || run(plane, listening, socket))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { threads, address })
    }

    /// Whether every thread has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits until every thread has ended.
    pub(super) fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("A data-plane thread ended by a panic");
            }
        }
    }
}

fn run(plane: Arc<Plane>, listening: Listening, socket: std::net::TcpListener) {
    let built = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    let outcome = built.and_then(|runtime| runtime.block_on(listen(plane, listening, socket)));
    if let Err(error) = outcome {
        tracing::error!(%error, "A data-plane thread could not serve");
    }
}
