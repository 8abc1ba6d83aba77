//! The two ends of a connection under watch: its socket, and the bodies of its answers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::activity::{Activity, OpenRequest};

/// How long a peer that says nothing more still gets answers. It may have shut down its half after the
/// last request, and wait for the answer, or be gone: the two look the same, and a query that nobody waits
/// for should not run on for minutes.
const HALF_CLOSED_ANSWER_TIME: Duration = Duration::from_secs(5);

/// A socket that tells when its peer takes bytes, and keeps the end of what it reads to itself while
/// answers are owed.
pub(super) struct WatchedSocket<S> {
    socket: S,
    activity: Arc<Activity>,
    /// Runs since the end was read.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> WatchedSocket<S> {
    pub(super) fn new(socket: S, activity: Arc<Activity>) -> WatchedSocket<S> {
        WatchedSocket { socket, activity, end: None }
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(_) => self.activity.wrote(),
            Poll::Pending => self.activity.blocked(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.end.is_none() {
            let before = buffer.filled().len();
            let room = buffer.remaining();
            ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
            if buffer.filled().len() > before || room == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let end = this.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(HALF_CLOSED_ANSWER_TIME)));
        if this.activity.is_idle_or_wake(context.waker()) {
            return Poll::Ready(Ok(()));
        }
        end.as_mut().poll(context).map(Ok)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// The body of an answer: whoever polls it wants more, and waits for us until there is more.
pub(super) struct WatchedBody {
    body: Body,
    request: OpenRequest,
}

impl WatchedBody {
    pub(super) fn new(body: Body, mut request: OpenRequest) -> WatchedBody {
        request.set_in_work(false);
        WatchedBody { body, request }
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.request.set_in_work(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
