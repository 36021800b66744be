//! What every adapter promises, checked for all of them.

use keystead_providers::ALL;

#[test]
fn every_data_file_loads() {
    for provider in ALL {
        assert!(
            !provider.about().operations.is_empty(),
            "{}",
            provider.about().name
        );
    }
}
