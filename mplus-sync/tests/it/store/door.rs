//! A door between a store and its server. While it is shut, the server is away as one is that is started anew: what is under way is
//! cut off, and new connections end at once.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Door {
    url: String,
    is_open: watch::Sender<bool>,
}

impl Door {
    /// A door before the server of a URL that names a host and a port.
    pub(super) async fn before(url: &str) -> Self {
        let (_, behind) = url.split_once('@').expect("the URL names a user");
        let server = behind.split(['/', '?']).next().unwrap_or(behind).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url.replacen(&server, &listener.local_addr().unwrap().to_string(), 1);
        let (is_open, watched) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), watched.clone()));
            }
        });
        Self { url, is_open }
    }

    /// The URL through the door.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    pub(super) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

/// Passes everything on both ways until the door is shut.
async fn pass(mut client: TcpStream, server: String, mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow_and_update() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}
