//! Messages count against the bounds on requests and bytes in flight from their first byte on, as over
//! HTTP: a sender that trickles has a place from its head to its answer, and no memory beside.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tonic::Status;
use tonic::body::Body;

use super::status;
use crate::gate::Ticket;

/// A request's ticket, from where its body is read to where its message is received.
#[derive(Clone)]
pub(super) struct Admission(Arc<Mutex<Option<Ticket>>>);

impl Admission {
    pub(super) fn new(ticket: Ticket) -> Admission {
        Admission(Arc::new(Mutex::new(Some(ticket))))
    }

    pub(super) fn take_ticket(&self) -> Option<Ticket> {
        self.0.lock().take()
    }
}

/// Charges the ticket for what arrives, and ends where it cannot.
pub(super) struct ChargedBody {
    pub body: Body,
    pub admission: Admission,
}

impl HttpBody for ChargedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
            && let Some(ticket) = self.admission.0.lock().as_mut()
            && let Err(error) = ticket.charge(data.remaining() as u64)
        {
            return Poll::Ready(Some(Err(status(&error))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
