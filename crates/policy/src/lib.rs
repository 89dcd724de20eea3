//! The fast engine: who can talk to whom in a cluster, over all ports and addresses at once.
//!
//! Answers the same question as the reference with an index behind it, and beyond single connections: endpoints
//! that no policy tells apart form classes, and between two classes it names every port. A change updates what it
//! touches. It shares types with the reference and no code, so that comparing the two means something.
