"""Checking gradients: of any function (gradcheck), of a declared op in every respect (opcheck), by command."""
