export class ExampleProvider extends cdktn.TerraformProvider {
  public static readonly tfResourceType = "example";
  /**
  * Create a new {@link https://registry.terraform.io/providers/rejoin/example/1.2.3/docs example} Resource
  */
  public constructor(scope: Construct, id: string, config: ExampleProviderConfig = {}) {
  }
  // region - computed: false, optional: true, required: false
  private _region?: string;
  public get region() {
    return this._region;
  }
  // assume_role - computed: false, optional: true, required: false
  private _assumeRole?: ExampleProviderAssumeRole[] | cdktn.IResolvable;
  protected synthesizeHclAttributes(): { [name: string]: any } {
    const attrs = {
      region: {
        value: cdktn.stringToHclTerraform(this._region),
        isBlock: false,
        type: "simple",
        storageClassType: "string",
      },
      assume_role: {
        value: cdktn.listMapperHcl(exampleProviderAssumeRoleToHclTerraform, true)(this._assumeRole),
        isBlock: true,
        type: "list",
        storageClassType: "ExampleProviderAssumeRoleList",
      },
    };
  }
}
export function exampleProviderAssumeRoleToHclTerraform(struct?: ExampleProviderAssumeRole): any {
  const attrs = {
    role: {
      value: cdktn.stringToHclTerraform(struct!.role),
      isBlock: false,
      type: "simple",
      storageClassType: "string",
    },
  };
}
