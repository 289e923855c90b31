export { CompareBoard } from "./board.js";
