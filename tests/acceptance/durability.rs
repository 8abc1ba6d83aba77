//! What was acknowledged is there, once: after `kill -9` at any moment, for rows and for pages.

mod crash;
mod ledger;
mod pager;
