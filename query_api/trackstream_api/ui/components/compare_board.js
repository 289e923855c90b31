export { CompareBoard as default } from "trackstream-compare";
