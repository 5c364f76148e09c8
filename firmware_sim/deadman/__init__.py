"""The dead-man controller: the last link between the box and the welding set's contactor."""
