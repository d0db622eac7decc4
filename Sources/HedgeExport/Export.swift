@_exported public import HedgeABI
