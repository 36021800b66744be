//! One address, shared by the cores of this process and with nobody else.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// How many new connections wait for one core; more would wait in the clients' retransmission timers.
const BACKLOG: i32 = 4_096;

/// Binds sockets that share an address, at least one; the kernel spreads the connections over them.
///
/// Sockets that share an address share it with every process of this user that asks for the same, and
/// clients would be sent here and there by turns. So the first listens before it shares: while it does,
/// the first of another process is refused, however close together both began.
///
/// # Errors
///
/// The address is taken, or not this machine's.
pub fn bind(address: SocketAddr, sockets: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let first = socket(address)?;
    listen(&first, address)?;
    first.set_reuse_port(true)?;
    let first = std::net::TcpListener::from(first);
    // With port 0, the one that the kernel chose.
    let address = first.local_addr()?;
    let mut all = vec![first];
    for _ in 1..sockets {
        let next = socket(address)?;
        next.set_reuse_port(true)?;
        listen(&next, address)?;
        all.push(next.into());
    }
    Ok(all)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // What the last process left behind on the address is no reason to wait.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listen(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, TcpListener, TcpStream},
        sync::Barrier,
        thread,
    };

    use super::*;

    fn anywhere() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    fn free_address() -> SocketAddr {
        let listener = TcpListener::bind(anywhere()).unwrap();
        listener.local_addr().unwrap()
    }

    #[test]
    fn of_two_that_begin_at_once_one_has_the_address_at_most() {
        let mut had = 0;
        for _ in 0..400 {
            let (address, barrier) = (free_address(), Barrier::new(2));
            let begin = || {
                barrier.wait();
                bind(address, 2)
            };
            let both = thread::scope(|scope| {
                let other = scope.spawn(begin);
                [begin(), other.join().unwrap()]
            });
            let having = both.iter().filter(|bound| bound.is_ok()).count();
            assert!(having < 2, "two share {address}");
            had += having;
        }
        assert!(had > 200, "{had} of 400 had their address");
    }

    #[test]
    fn who_comes_later_is_refused() {
        let first = bind(anywhere(), 2).unwrap();
        let address = first[0].local_addr().unwrap();
        let refused = bind(address, 2).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        bind(address, 2).unwrap();
    }

    #[test]
    fn each_socket_has_its_share() {
        let sockets = bind(anywhere(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let clients: Vec<_> = (0..120)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let shares = sockets
            .iter()
            .map(|socket| std::iter::from_fn(|| socket.accept().ok()).count());
        let shares: Vec<_> = shares.collect();
        assert_eq!(shares.iter().sum::<usize>(), clients.len());
        assert!(shares.iter().all(|share| *share > 10), "{shares:?}");
    }
}
