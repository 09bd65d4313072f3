export * as Emulator from "./Emulator.js"
export * as IdentityCenter from "./IdentityCenter.js"
export * as TestIdentity from "./TestIdentity.js"
