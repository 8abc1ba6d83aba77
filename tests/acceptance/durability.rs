//! What was acknowledged is there, once: after `kill -9` at any moment, for rows and for pages.

mod backup;
mod crash;
mod full_disk;
mod idle_start;
mod ledger;
mod outside;
mod pager;
mod stop;
mod writers;
