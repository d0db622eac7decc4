// HedgeRouter
