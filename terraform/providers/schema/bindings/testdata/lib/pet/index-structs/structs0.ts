export class PetFleasOutputReference extends cdktn.ComplexObject {
  // count - computed: true, optional: false, required: false
  public get count() {
    return this.getNumberAttribute('count');
  }
}
export class PetFleasList extends cdktn.ComplexList {
}
export function petCollarToTerraform(struct?: PetCollar): any {
  return {
    color: cdktn.stringToTerraform(struct!.color),
  }
}
export function petCollarToHclTerraform(struct?: PetCollar): any {
  const attrs = {
    color: {
      isBlock: false,
      type: "simple",
      storageClassType: "string",
    },
    bell: {
      isBlock: true,
      type: "list",
      storageClassType: "PetCollarList",
    },
  };
}
export class PetCollarOutputReference extends cdktn.ComplexObject {
  // color - computed: false, optional: false, required: true
  private _color?: string;
  public get color() {
    return this.getStringAttribute('color');
  }
  // bell - computed: false, optional: true, required: false
  private _bell = new PetCollarList(this, "bell", false);
}
export function petOwnerToHclTerraform(struct?: PetOwner): any {
  const attrs = {
    weights: {
      isBlock: false,
      type: "map",
      storageClassType: "numberMap",
    },
  };
}
export class PetOwnerOutputReference extends cdktn.ComplexObject {
  // weights - computed: false, optional: true, required: false
  private _weights?: { [key: string]: number };
}
export function petTimeoutsToHclTerraform(struct?: PetTimeouts): any {
  const attrs = {
    create: {
      isBlock: false,
      type: "simple",
      storageClassType: "string",
    },
  };
}
export class PetTimeoutsOutputReference extends cdktn.ComplexObject {
  // create - computed: false, optional: true, required: false
  private _create?: string;
}
