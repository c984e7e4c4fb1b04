//! Integration tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod bench;
mod collections;
mod embedders;
mod embedders_bedrock;
mod embedders_openai;
mod import;
mod parts;
mod refresh;
mod refresh_faults;
mod refresh_folder;
mod repository;
mod search;
mod sources_folder;
mod sources_git;
mod sources_s3;
mod sources_tls;
mod tools;
mod web;
